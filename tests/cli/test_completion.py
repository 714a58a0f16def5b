"""What shells complete, and that nobody waits for it: no command is imported for the names of all."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from probe.cli.command_table import COMMANDS
from probe.cli.completion import SHELLS, VARIABLE
from probe.cli.main import cli
from probe.core.tables.block_types import BLOCK_TYPES


def ask(words: str, at: int, *python: str) -> subprocess.CompletedProcess[str]:
    """What bash would be told, by click's own protocol."""
    return subprocess.run([sys.executable, *python, "-m", "probe"], capture_output=True, text=True, timeout=60,
                          env={**os.environ, VARIABLE: "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(at)})


def values(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


def imported(done: subprocess.CompletedProcess[str]) -> set[str]:
    return set(re.findall(r"\| +(probe[\w.]*)$", done.stderr, re.MULTILINE))


LANGUAGE_MODULES = {"probe.core", "probe.core.languages", "probe.core.translation"}
"""They choose a language, and read no catalogue where it is English."""


def test_names_of_commands_cost_no_import() -> None:
    done = ask("probe ", 1, "-X", "importtime")
    assert values(done) == [*COMMANDS]
    assert imported(done) <= {"probe", "probe.cli", "probe.cli.main", "probe.cli.command_table",
                              "probe.cli.whole_output", "probe.core.plugins", *LANGUAGE_MODULES}


def test_options_cost_their_own_command_alone() -> None:
    done = ask("probe explain --j", 2, "-X", "importtime")
    assert values(done) == ["--json"]
    others = {f"probe.cli.{name}" for name in COMMANDS} - {"probe.cli.explain"}
    assert not {name for name in imported(done) if name in others or name.startswith("probe_analysis.")}


@pytest.mark.parametrize(("words", "at", "expected"), [
    ("probe re", 1, ["report", "registers"]),
    ("probe un", 1, ["uninstall"]),
    ("probe lab ", 2, ["exec", "list", "score"]),
    ("probe fleet si", 2, ["simulate"]),
    ("probe --ver", 1, ["--version"]),
    ("probe install ", 2, ["cron", "systemd"]),
    ("probe completion ", 2, list(SHELLS)),
    ("probe run --dry", 2, ["--dry-run"]),
    ("probe explain tls.reset.s", 2, [block for block in BLOCK_TYPES if block.startswith("tls.reset.s")]),
])
def test_what_is_completed(words: str, at: int, expected: list[str]) -> None:
    assert expected
    assert values(ask(words, at)) == expected


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH on which `probe` is this tree's."""
    program = tmp_path / "bin" / "probe"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nexec {sys.executable} -m probe \"$@\"\n")
    program.chmod(0o755)
    return f"{program.parent}{os.pathsep}{os.environ['PATH']}"


def shell(name: str, script: str, path: str, root: Path) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed here")
    done = subprocess.run([found, "-c", script], capture_output=True, text=True, timeout=60, cwd=root,
                          env={**os.environ, "PATH": path})
    assert done.stderr == ""
    return done.stdout


def test_a_real_bash_completes(path: str, root: Path) -> None:
    told = shell("bash", """
        eval "$(probe completion bash)"
        complete -p probe
        COMP_WORDS=(probe run --par) COMP_CWORD=2
        _probe_completion probe
        printf '%s\\n' "${COMPREPLY[@]}"
    """, path, root)
    bound, *completed = told.splitlines()
    assert bound.endswith("-F _probe_completion probe")
    assert completed == ["--parquet"]


def test_the_key_of_a_person_completes(path: str, root: Path) -> None:
    """An interactive bash on a terminal, and the tabulator key."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed here")
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PATH": path, "PS1": "ready$ ", "TERM": "dumb", "INPUTRC": os.devnull}
    with subprocess.Popen([bash, "--norc", "--noprofile", "-i"], stdin=theirs, stdout=theirs, stderr=theirs, cwd=root,
                          env=environment, start_new_session=True) as process:
        os.close(theirs)
        try:
            until(ours, "ready$ ")
            os.write(ours, b'eval "$(probe completion bash)"; echo d""one\n')
            until(ours, "done\r\n")
            os.write(ours, b"probe explain tls.reset.fing\t")
            until(ours, "tls.reset.fingerprint")
        finally:
            process.kill()
            os.close(ours)


def until(terminal: int, text: str) -> None:
    """Read a terminal until it shows this text."""
    shown, end_s = "", time.monotonic() + 60
    while text not in shown:
        assert select.select([terminal], [], [], max(0.0, end_s - time.monotonic()))[0], f"no {text!r} in {shown!r}"
        shown += os.read(terminal, 4096).decode(errors="replace")


def test_a_real_fish_completes(path: str, root: Path) -> None:
    told = shell("fish", "probe completion fish | source; complete -C 'probe run --par'", path, root)
    assert told.split("\t")[0].strip() == "--parquet"


def test_zsh_takes_the_script(path: str, root: Path) -> None:
    told = shell("zsh", """
        compdef() { print bound $2 }
        eval "$(probe completion zsh)"
        whence -w _probe_completion
    """, path, root)
    assert told.splitlines() == ["bound probe", "_probe_completion: function"]


@pytest.mark.parametrize("name", SHELLS)
def test_the_script_is_what_click_itself_gives(name: str) -> None:
    """Whoever packages this program may take either way."""
    done = subprocess.run([sys.executable, "-m", "probe"], capture_output=True, text=True, timeout=60,
                          env={**os.environ, VARIABLE: f"{name}_source"})
    printed = CliRunner().invoke(cli, ["completion", name])
    assert printed.exit_code == 0
    assert "_PROBE_COMPLETE" in printed.stdout
    assert printed.stdout == done.stdout
