"""A terminal of forty columns is one, however Python buffers; and the board fits a screen in every language."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from typing import get_args

import pytest

from probe.core.languages import LANGUAGES, LanguageCode
from probe.core.line_folding import count_columns
from probe.core.tables.service_answers import Answer
from probe.core.translation import speak
from probe.upkeep.status.board_text import describe_board
from probe.upkeep.status.status_board import HOURS, BoardRow

SHOW = """
import sys, time
from probe.cli.whole_output import buffer_writes
sys.stdout, sys.stderr = buffer_writes(sys.stdout), buffer_writes(sys.stderr)
from probe.upkeep.commands.progress_bar import show_progress
from probe.upkeep.commands.run_progress import show_run_progress
with show_progress("what is being done for whoever waits for it") as tell:
    for done in range(5):
        tell(done, 4)
with show_run_progress(60) as tell:
    tell(1, 4)
    time.sleep(1.5)
"""


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("columns", [40, 132])
def test_progress_is_one_line_of_the_terminal(columns: int, unbuffered: str) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    known = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES")}
    program = subprocess.Popen([sys.executable, "-c", SHOW], stdin=theirs, stdout=theirs, stderr=theirs, env={
        **known, "TERM": "xterm", "PYTHONUNBUFFERED": unbuffered, "PYTHONPATH": os.pathsep.join(sys.path)})
    os.close(theirs)
    shown = b""
    try:
        while got := os.read(ours, 4096):
            shown += got
    except OSError:  # the terminal is gone with the program
        pass
    assert program.wait(30) == 0
    os.close(ours)
    drawn = [line.replace("\x1b[K", "").replace("\x1b[?25l", "").replace("\x1b[?25h", "")
             for line in shown.decode().replace("\n", "\r").split("\r")]
    assert any(line.strip() for line in drawn)
    assert all(count_columns(line) <= columns for line in drawn), max(drawn, key=len)


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_the_board_fits_a_screen(language: LanguageCode) -> None:
    words = get_args(Answer)
    board = [BoardRow(service=f"s{n}", title=f"Messenger number {n}", hours=tuple(words[:1] * HOURS),
                      now=words[n % len(words)], changed="2026-12-02T10:00:00Z", same_since_first=n % 2 == 0)
             for n in range(50)]
    with speak(language):
        lines = list(describe_board(board, columns=80, colour=False, rows=24 - 8))
    assert len(lines) + 1 <= 24 - 1
    assert all(count_columns(line) <= 80 for line in lines)
