"""What lies in a bundle beside the measurements: rules and causes with their text, a manifest, a README."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from probe import __version__
from probe.core.counted_words import choose_word, count_things
from probe.core.stamps import format_time
from probe.core.tables.block_types import BLOCK_TYPES
from probe.judge.path.all_rules import list_rules
from probe.judge.rules_version import RULES_VERSION
from probe_analysis.look.lab_words import describe_lab
from probe_analysis.look.look_json import look_to_json
from probe_analysis.look.look_page import make_look_page
from probe_analysis.look.look_values import LookData
from probe_analysis.populations.population_rules import POPULATION_RULES
from probe_analysis.publication.bundle_zip import hash_file
from probe_analysis.tables.plain_csv import make_plain_csv

MANIFEST, ANSWER = "manifest.json", "look.json"
FORMAT = 1
COMPARED = ("kind", "findings", "dismissed", "measured", "services_beside", "countries_beside", "defects")
"""Of each source: what must come out again when its measurements are judged anew."""
README = """{lab}{title}: evidence of a look at {service} in {cc}, made {made} by probe {version}, rules {rules}.

look.json        what is known and said, for programs
page.html        the same, for people: open it in a browser; it fetches nothing
rules.csv        the rules by which single runs and populations are judged, each with its sentence
block_types.csv  the causes that a verdict can name
targets.csv      the list of targets
evidence/        the measurements themselves, as they were given: OONI's files (CC BY-NC-SA 4.0), and counts of others;
                 legal lists and reports of outages that were laid beside
manifest.json    every file with its size and SHA-256

To judge it anew, without any network: probe look --verify FILE.zip
It says whether today's program comes to the same findings, and refuses a file of which a byte was changed.
Results of our own volunteers are not in it: only their sums, as far as a release may tell them.
"""


def make_contents(data: LookData, catalogue: Path, evidence: Mapping[str, Path]) -> dict[str, bytes | Path]:
    """Name -> content, the manifest among them."""
    subject, lab = data.subject, f"{' '.join(describe_lab(data))}\n\n" if data.lab else ""
    files: dict[str, bytes | Path] = {
        ANSWER: _json(look_to_json(data)), "page.html": make_look_page(data).encode(),
        "rules.csv": make_plain_csv(("id", "outcome", "block_type", "why"), (
            *((rule.id, rule.outcome, rule.block_type, rule.why) for rule in list_rules()),
            *((rule.id, rule.outcome, "", rule.why) for rule in POPULATION_RULES))),
        "block_types.csv": make_plain_csv(("id", "outcome", "meaning", "nearest", "test"), (
            (one.id, one.outcome, one.meaning, one.nearest, one.test) for one in BLOCK_TYPES.values())),
        "targets.csv": catalogue,
        "README.txt": README.format(lab=lab, title=subject.title, service=subject.service, cc=subject.cc,
                                    made=format_time(data.now), version=__version__, rules=RULES_VERSION).encode(),
        **evidence,
    }
    files[MANIFEST] = _json({
        "format": FORMAT, "service": subject.service, "cc": subject.cc, "made": format_time(data.now),
        "since": format_time(data.since) if data.since else None, "version": __version__, "rules": RULES_VERSION,
        "lab": data.lab, "files": {name: _describe(content) for name, content in sorted(files.items())}})
    return files


def check_manifest(files: Mapping[str, Path]) -> dict[str, Any]:
    """The manifest of an unpacked bundle. Raises ValueError where it does not fit the files."""
    try:
        manifest: dict[str, Any] = json.loads(files[MANIFEST].read_bytes())
        listed = dict(manifest["files"])
        fits = manifest["format"] == FORMAT and listed == {
            name: _describe(path) for name, path in files.items() if name != MANIFEST}
    except (KeyError, TypeError, RecursionError, AttributeError) as error:
        raise ValueError(f"the manifest is none: {error}") from None
    if not fits:
        raise ValueError("the manifest does not fit the files")
    return manifest


def list_differences(stored: Sequence[Mapping[str, Any]], anew: Sequence[Mapping[str, Any]]) -> list[str]:
    """In what the sources of two answers differ; our own results, which no bundle holds, are left aside."""
    pairs = [one for one in stored if one["kind"] != "own"]
    if len(pairs) != len(anew):
        return [f"{count_things(len(pairs), 'source')} {choose_word(len(pairs), 'was', 'were')} judged, now "
                f"{len(anew)}"]
    return [f"{old['label']}: {name} differ" for old, new in zip(pairs, anew, strict=True) for name in COMPARED
            if old[name] != new[name]]


def _describe(content: bytes | Path) -> dict[str, Any]:
    if isinstance(content, Path):
        return {"bytes": content.stat().st_size, "sha256": hash_file(content)}
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()
