"""Advice on extras: fit for the installation, and never this program's name in a package index."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from probe.config.install_advice import (
    DISTRIBUTION,
    InstallKind,
    advise_extra,
    find_install_kind,
    list_requirements,
    write_advice,
)
from project_root import ROOT

PARTS = {"reachability-probe": ".", "reachability-analysis": "./analysis", "reachability-operate": "./operate",
         "reachability-lab": "./lab"}
DECLARED = ('click>=8', 'aioquic<2,>=1.2; extra == "quic"', 'scapy; extra == "packets"',
            f'{DISTRIBUTION}[packets,dev]; extra == "dev"', 'babel; extra == "dev"',
            "odd; python_version < '3.12' and extra == 'quic'")
BASE = Path("/usr")


@pytest.mark.parametrize(("prefix", "managed", "has_pip", "kind"), [
    ("/home/me/.local/share/pipx/venvs/reachability-probe", True, False, "pipx"),
    ("/home/me/.local/share/uv/tools/x", True, False, "uv"), ("/home/me/.local/share/uv/tools/x", True, True, "uv"),
    ("/usr/lib/reachability-probe", True, False, "debian"),
    ("/home/me/probe", True, True, "environment"), ("/home/me/probe", True, False, "uv"),
    ("/usr", True, False, "system"), ("/usr", False, True, "environment"), ("/opt/pipx", False, True, "environment"),
])
def test_an_installation_is_known_by_its_place(prefix: str, managed: bool, has_pip: bool, kind: InstallKind) -> None:
    assert find_install_kind(Path(prefix), BASE, managed=managed, has_pip=has_pip) == kind


def test_the_packages_of_an_extra_are_named_each_once_and_its_own_name_never() -> None:
    assert list_requirements("quic", DECLARED) == ("aioquic<2,>=1.2", "odd")
    assert list_requirements("dev", DECLARED) == ("scapy", "babel")
    assert list_requirements("none", DECLARED) == ()


def test_each_distribution_of_the_project_has_its_own_extras() -> None:
    assert "pyarrow" in advise_extra("parquet")
    assert "apprise" in advise_extra("alerts", distribution="reachability-analysis")


@pytest.mark.parametrize(("kind", "said"), [
    ("pipx", ["pipx", "inject", DISTRIBUTION, "'aioquic<2'"]),
    ("uv", ["uv", "--python", "'/a b/python'", "'aioquic<2'"]),
    ("environment", ["'/a b/python'", "-m", "pip", "install", "'aioquic<2'"]), ("system", ["'aioquic<2'"]),
    ("debian", ["'aioquic<2'"]),
])
def test_advice_can_be_copied_into_a_shell(kind: InstallKind, said: list[str]) -> None:
    advice = write_advice(kind, ["aioquic<2"], python="/a b/python")
    assert all(word in advice for word in said)
    assert f"{DISTRIBUTION}[" not in advice


def test_nothing_that_users_read_names_the_program_in_a_package_index() -> None:
    texts = [path for folder in ("probe", "analysis", "operate", "lab", "docs") for path in (ROOT / folder).rglob("*")
             if path.suffix in (".py", ".md")]
    wrong = [str(path) for path in (*texts, ROOT / "README.md")
             if f"install '{DISTRIBUTION}" in path.read_text(encoding="utf-8")
             or f"install {DISTRIBUTION}" in path.read_text(encoding="utf-8")]
    assert wrong == []


def test_every_install_line_names_all_of_ours_that_it_needs() -> None:
    """Pip looks for what is missing in the package index, where the names of our parts may be somebody else's."""
    needs = {part: {PARTS[name.partition("[")[0]] for name in tomllib.loads(
        (ROOT / part / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
        if name.partition("[")[0] in PARTS} for part in PARTS.values()}
    texts = [path for folder in ("probe", "analysis", "operate", "lab", "docs") for path in (ROOT / folder).rglob("*")
             if path.suffix in (".py", ".md")]
    lines = [line for path in (*texts, ROOT / "README.md", ROOT / "CONTRIBUTING.md")
             for line in re.findall(r"pip install[^`\n]*", path.read_text(encoding="utf-8"))]
    given = [(line, {name for name in PARTS.values() if re.search(rf"(?<![\w.]){re.escape(name)}(?![\w/])", line)})
             for line in lines]
    assert sum(len(names) > 1 for _, names in given) > 5
    assert not [line for line, names in given for name in names if not needs[name] <= names]
