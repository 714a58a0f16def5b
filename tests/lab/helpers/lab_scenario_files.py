"""A scenario file that is right, for tests to change; the catalogue that scenarios draw from."""

from __future__ import annotations

from pathlib import Path

from probe.catalogue.load import load_catalogue
from project_root import ROOT

CATALOGUE = load_catalogue(str(ROOT / "targets.csv"))
BY_INPUT = {row.input: row for row in CATALOGUE.endpoints}

GOOD = """
title = "a sentence"
kind = "censorship"

[draw.t]
protocol = "http"
tls = true

[[rule]]
trigger = "sni"
match = ["@t"]
action = "reset"
block_type = "tls.reset.sni"
params = {ttl = {between = [60, 220]}, copies = 3}

[[expect]]
of = "@t"
outcome = "blocked"
block_type = "tls.reset.sni"
min_depth = 2
"""


def write(folder: Path, text: str) -> Path:
    """A scenario file with this text."""
    path = folder / "mine.toml"
    path.write_text(text)
    return path
