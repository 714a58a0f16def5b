"""The skeleton of a handshake fails until it is filled, and the guide fills it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import new_handshake
from project_root import ROOT

COPIED = ("probe", "analysis", "operate", "lab", "tests", "tools", "pyproject.toml", "targets.csv")
TESTS = [f"tests/instruments/messengers/test_app_{name}.py" for name in ("speech", "irc")]
IRC = new_handshake.Handshake(name="irc", title="IRC", over="tls", marks_sender=False)
GUIDED = (ROOT / "probe" / "instruments" / "messengers" / "handshakes" / "irc.py").exists()
"""Whether this tree holds what the guide leads to."""


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.skipif(GUIDED, reason="this tree has IRC, so the guide would not add it")
def test_the_guide_leads_from_failing_tests_to_passing_ones(tmp_path: Path) -> None:
    for name in COPIED:
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, tmp_path / name)
    guide = (ROOT / "docs" / "handshake.md").read_text(encoding="utf-8")
    command = re.search(r"^\.venv/bin/python (tools/new_handshake\.py .*)$", guide, re.MULTILINE)
    assert command
    run(tmp_path, *command[1].split())
    assert run(tmp_path, "-m", "pytest", "-q", *TESTS, "-k", "irc", fails=True).count("FAILED") > 5
    for file, text in re.findall(r"<!-- file: (\S+) -->\n```python\n(.*?)```", guide, re.DOTALL):
        (tmp_path / file).write_text(text, encoding="utf-8")
    ((table, row),) = re.findall(r"<!-- row: (\S+) -->\n```\n(.*?)```", guide, re.DOTALL)
    text = (tmp_path / table).read_text(encoding="utf-8")
    made = re.sub(r"^irc,.*\n", lambda _: row, text, flags=re.MULTILINE)
    assert made != text
    (tmp_path / table).write_text(made, encoding="utf-8")
    run(tmp_path, "-m", "pytest", "-q", *TESTS, "tests/core/test_word_tables.py", "tests/config/test_consent.py",
        "-k", "irc or type_lists or takes_consent")
    run(tmp_path, "-m", "ruff", "check", ".")


def run(folder: Path, *command: str, fails: bool = False) -> str:
    done = subprocess.run([sys.executable, *command], cwd=folder, capture_output=True, text=True, check=False)
    assert bool(done.returncode) is fails, done.stdout + done.stderr
    return done.stdout


def test_every_place_of_the_skeleton_is_there() -> None:
    for marks_sender in (False, True):
        asked = new_handshake.Handshake(name="zz_made_up", title="Made up", over="tcp", marks_sender=marks_sender)
        made = new_handshake.plan(asked, ROOT)
        new = [path for path in made if not path.exists()]
        assert len(new) == 3
        assert len(made) == 5
        assert all("zz_made_up" in text for text in made.values())


def test_a_name_that_is_taken_or_no_word_changes_nothing(tmp_path: Path) -> None:
    with pytest.raises(new_handshake.ScaffoldError, match="small letters"):
        new_handshake.plan(new_handshake.Handshake(name="../x", title="", over="tls", marks_sender=False), ROOT)
    taken = tmp_path / "probe" / "instruments" / "messengers" / "handshakes" / "irc.py"
    taken.parent.mkdir(parents=True)
    taken.touch()
    with pytest.raises(new_handshake.ScaffoldError, match=r"irc\.py"):
        new_handshake.plan(IRC, tmp_path)


@pytest.mark.parametrize(("name", "title"), [
    ("mqtt", "M"), ("tcp", "T"), ("class", "C"), ("zz_new", 'a""" b'), ("zz_new", "a\nb"), ("zz_new", "a\\"),
    ("zz_new", ""),
])
def test_what_would_break_the_tables_is_refused(name: str, title: str) -> None:
    with pytest.raises(new_handshake.ScaffoldError):
        new_handshake.plan(new_handshake.Handshake(name=name, title=title, over="tls", marks_sender=False), ROOT)


def test_a_table_that_has_changed_is_named(tmp_path: Path) -> None:
    (tmp_path / "probe" / "core" / "tables").mkdir(parents=True)
    (tmp_path / "probe" / "core" / "tables" / "handshakes.py").write_text("nothing here\n", encoding="utf-8")
    with pytest.raises(new_handshake.ScaffoldError, match=r"handshakes\.py"):
        new_handshake.plan(IRC, tmp_path)
