"""A release by one command: what it changes, what it refuses, and that nothing is left of one that fails or is dry."""

from __future__ import annotations

import hashlib
import re
import subprocess
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import yaml

from built import tree_copy
from distributions import FOLDERS, PACKAGES
from probe import __version__
from probe.judge.rules_version import RULES_VERSION
from project_root import ROOT
from release import CHANGELOGS, SCORE, SUMS, ReleaseError, check_ready, check_score, main, make_release
from release_texts import (
    PLACES,
    UNRELEASED,
    add_debian_entry,
    cut_changelog,
    find_score_rules,
    find_version,
    list_changes,
    read_version,
    set_release_date,
)
from release_texts import set_version as set_in

WHEN = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
NEW = "77.0.0"
FORMER_HEADING = "## [0.1.0] - 2026-01-01"
CHANGELOG = f"# Changelog\n\n{UNRELEASED}\n\n### Added\n- A thing.\n\n{FORMER_HEADING}\n- Old.\n"
SCORED = "1 scenarios. Program 0.2.0, rules {rules}, catalogue 2026-01-01-0. Took 1 s.\n"
SIGNED_AT = "  Mon, 01 Mar 2027 12:00:00 +0000\n"


@pytest.mark.parametrize("text", ["", "1", "1.2", "1.2.3.4", "v1.2.3", "01.2.3", "1.2.3rc1", "1.2.3\n", "1.-2.3",
                                  "1.2\u0663.0"])
def test_only_three_plain_numbers_are_a_version(text: str) -> None:
    with pytest.raises(ValueError, match="three numbers"):
        read_version(text)


def test_versions_are_ordered_as_numbers() -> None:
    assert read_version("0.10.0") > read_version("0.9.12")


@pytest.mark.parametrize("file", PLACES)
def test_each_place_holds_this_version_and_takes_another(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    assert find_version(file, text) == __version__
    changed = set_in(file, text, NEW)
    assert find_version(file, changed) == NEW
    assert set_in(file, changed, __version__) == text
    with pytest.raises(ValueError, match="2 versions"):
        find_version(file, text + "\n" + text)


def test_no_other_code_holds_the_version() -> None:
    """A second place would be forgotten. `TEST_VERSION` is that of a test of OONI's, not ours."""
    held = re.compile(r'^_*version_*\s*[:=]\s*"\d+\.\d+\.\d+"', re.IGNORECASE | re.MULTILINE)
    files = [path for below in (*PACKAGES, "tools") for path in (ROOT / below).rglob("*.py")]
    files += [ROOT / folder / "pyproject.toml" for folder in FOLDERS.values()]
    found = {str(path.relative_to(ROOT)) for path in files
             if held.search(path.read_text(encoding="utf-8"))}
    assert found == {file for file in PLACES if file.endswith(".py")}


def test_a_changelog_is_cut_at_the_day_of_the_release() -> None:
    cut = cut_changelog(CHANGELOG, NEW, "2027-03-01")
    assert [line for line in cut.splitlines() if line.startswith("## ")] == [
        UNRELEASED, f"## [{NEW}] - 2027-03-01", FORMER_HEADING]
    assert list_changes(cut.partition(f"{UNRELEASED}\n")[2]) == []
    assert list_changes(cut.partition("2027-03-01\n")[2]) == ["- A thing."]


@pytest.mark.parametrize(("text", "complaint"), [
    (CHANGELOG.replace("- A thing.", ""), "no change"), (CHANGELOG.replace(UNRELEASED, "## Soon"), "heading"),
    (CHANGELOG.replace("[0.1.0]", f"[{NEW}]"), "already"), (CHANGELOG + CHANGELOG, "heading"),
])
def test_a_changelog_that_cannot_be_cut_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        cut_changelog(text, NEW, "2027-03-01")


def test_debian_gets_an_entry_above_the_last() -> None:
    text = (ROOT / "debian" / "changelog").read_text(encoding="utf-8")
    added = add_debian_entry(text, NEW, WHEN)
    assert added.startswith(f"reachability-probe ({NEW}) ")
    assert added.endswith(text)
    assert SIGNED_AT in added
    with pytest.raises(ValueError, match="no entry"):
        add_debian_entry("", NEW, WHEN)


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip()


def keep(folder: Path) -> Path:
    """The folder as a repository of one commit."""
    git(folder, "init", "--quiet")
    git(folder, "config", "user.name", "Maintainer")
    git(folder, "config", "user.email", "maintainer@example.org")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "All")
    return folder


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A repository of nothing but the files that hold versions, and the changelogs."""
    for file in (*PLACES, *CHANGELOGS):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text((ROOT / file).read_text(encoding="utf-8"), encoding="utf-8")
    return keep(tmp_path)


def test_the_citation_tells_the_day_of_the_release() -> None:
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert yaml.safe_load(set_release_date(text, "2030-01-02"))["date-released"] == date(2030, 1, 2)
    assert set_release_date("version: 1.2.3\n", "2030-01-02") == "version: 1.2.3\n"


def test_a_tree_that_is_not_ready_is_refused(small: Path) -> None:
    assert check_ready(small, NEW) == __version__
    with pytest.raises(ReleaseError, match="not newer"):
        check_ready(small, __version__)
    git(small, "tag", f"v{NEW}")
    with pytest.raises(ReleaseError, match="there already"):
        check_ready(small, NEW)
    git(small, "tag", "--delete", f"v{NEW}")
    (small / "stray").touch()
    with pytest.raises(ReleaseError, match="not committed"):
        check_ready(small, NEW)
    (small / "stray").unlink()
    (small / "CITATION.cff").write_text("version: 0.0.1\n", encoding="utf-8")
    git(small, "commit", "--quiet", "--all", "--message", "Differ")
    with pytest.raises(ReleaseError, match="differ"):
        check_ready(small, NEW)


def rate(tree: Path, rules: str) -> Path:
    """A tree whose published score is of these rules."""
    (tree / SCORE).parent.mkdir(exist_ok=True)
    (tree / SCORE).write_text(SCORED.format(rules=rules), encoding="utf-8")
    return tree


def test_a_score_is_released_with_the_rules_that_it_judged_by(tmp_path: Path) -> None:
    (tmp_path / "probe").symlink_to(ROOT / "probe")
    with pytest.raises(ReleaseError, match=SCORE):
        check_score(tmp_path)
    check_score(rate(tmp_path, RULES_VERSION))
    with pytest.raises(ReleaseError, match=rf"{RULES_VERSION}0,.* {RULES_VERSION}"):
        check_score(rate(tmp_path, f"{RULES_VERSION}0"))


def test_the_published_score_names_its_rules_once() -> None:
    text = (ROOT / SCORE).read_text(encoding="utf-8")
    assert int(find_score_rules(text)) <= int(RULES_VERSION)
    with pytest.raises(ValueError, match="2 versions"):
        find_score_rules(text + text)


def test_a_release_that_fails_leaves_everything_as_it_was(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Here it fails half way: there is no changelog of Debian's, nor anything to build."""
    before = git(small, "rev-parse", "HEAD")
    rate(small, RULES_VERSION)
    (small / "probe" / "judge").symlink_to(ROOT / "probe" / "judge")
    (small / CHANGELOGS[0]).write_text(f"# C\n\n{UNRELEASED}\n", encoding="utf-8")
    git(small, "add", "--all")
    git(small, "commit", "--quiet", "--message", "Empty")
    assert main(["--root", str(small), NEW]) == 1
    assert "tells no change" in capsys.readouterr().err
    assert (git(small, "rev-parse", "HEAD~1"), git(small, "tag"), git(small, "status", "--porcelain")) == (
        before, "", "")


@pytest.mark.slow
def test_a_release_is_tagged_and_built_and_a_dry_one_leaves_nothing(tmp_path: Path) -> None:
    tree = tree_copy(tmp_path)
    for file in CHANGELOGS:  # just after a release nothing is unreleased
        text = (tree / file).read_text(encoding="utf-8")
        (tree / file).write_text(text.replace(UNRELEASED, f"{UNRELEASED}\n\n- Something.", 1), encoding="utf-8")
    keep(rate(tree, RULES_VERSION))
    before = git(tree, "rev-parse", "HEAD")
    dry = make_release(tree, NEW, dry_run=True, when=WHEN)
    assert (git(tree, "rev-parse", "HEAD"), git(tree, "tag"), git(tree, "status", "--porcelain")) == (before, "", "")
    assert not (tree / "dist").exists()

    made = make_release(tree, NEW, dry_run=False, when=WHEN)
    sums = (tree / "dist" / SUMS).read_text(encoding="utf-8")
    assert sums in dry, "a dry run shows the very bytes"
    assert sums in made
    named = {name: said for said, name in (line.split("  ") for line in sums.splitlines())}
    assert set(named) == {path.name for path in (tree / "dist").iterdir()} - {SUMS}
    parts = [name.removeprefix("reachability-") for name in FOLDERS]
    assert set(named) == {
        *(f"reachability_{one}-{NEW}{end}" for one in parts for end in ("-py3-none-any.whl", ".tar.gz")),
        *(f"reachability-{one}-{NEW}.cdx.json" for one in parts), "licences.md", "owners.md", "score.md",
        "trials.md"}
    assert all(hashlib.sha256((tree / "dist" / name).read_bytes()).hexdigest() == said for name, said in named.items())

    assert git(tree, "rev-parse", "HEAD~1", f"v{NEW}^{{commit}}").split() == [before, git(tree, "rev-parse", "HEAD")]
    assert git(tree, "cat-file", "-t", f"v{NEW}") == "tag"
    assert git(tree, "status", "--porcelain") == ""
    assert set(git(tree, "diff", "--name-only", before).splitlines()) == {
        *PLACES, *CHANGELOGS, "debian/changelog", "share/man/man1/probe.1"}
    assert f'"probe {NEW}"' in (tree / "share/man/man1/probe.1").read_text(encoding="utf-8").splitlines()[1]
