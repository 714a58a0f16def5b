"""The files that strangers look for: the README leads on, and the citation is valid and of this version."""

from __future__ import annotations

import re
import tomllib
from urllib.parse import urlsplit

import pytest
import yaml

from probe import __version__
from project_root import ROOT

README_LINES = 200
NAMES = ("README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "CITATION.cff")


def test_the_readme_is_short_and_says_how_to_test() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= README_LINES
    for command in ("make test", "probe setup", "probe run", "probe uninstall", "make demo"):
        assert command in text


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(".md")])
def test_links_of_the_files_at_the_top_lead_somewhere(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if urlsplit(link).scheme:
            continue
        file, _, anchor = link.partition("#")
        target = ROOT / file if file else ROOT / name
        assert target.exists(), link
        heads = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE) if anchor else []
        assert not anchor or anchor in {re.sub(r"[^a-z0-9 _-]", "", head.lower()).replace(" ", "-") for head in heads}


def test_the_citation_is_of_this_version_and_has_what_the_schema_requires() -> None:
    """Required by the schema of CFF 1.2.0: these four, and for each author a name; other keys are of its list."""
    found = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(found)
    assert set(found) <= {"cff-version", "message", "type", "title", "abstract", "authors", "version", "license",
                          "keywords", "repository-code", "url", "date-released", "doi"}
    assert (found["cff-version"], found["type"]) == ("1.2.0", "software")
    assert str(found["version"]) == __version__
    assert found["authors"]
    assert all(set(author) <= {"name", "website", "email"} and author["name"] for author in found["authors"])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert found["license"] == project["license"]
    assert found["keywords"] == project["keywords"]
