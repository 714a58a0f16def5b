"""What became of each measurement of a run under way: a file for each run, one line a step, on disk before the next.

A line `begun` stands before a measurement is sent, and one that says how it ended after the answer. After a kill, what
was begun and has no end may have arrived: it is never sent again, for nothing is public twice by our doing.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from probe.core.json_decoders import decode_json
from probe.core.safe_files import open_regular
from probe.store.archive.own_files import REPORTS_FILE, SUBMIT_FOLDER
from probe.store.files.atomic import append_lines, make_folder, translate_os_errors
from probe.store.files.listing import list_paths
from probe.upkeep.upload.upload_state import find_state_file, list_stored_runs
from probe_analysis.submit.collector import ACCEPTED, DECLINED, UNSURE

BEGUN, REPORT, SALT = "begun", "report", "salt"
ENDS = (ACCEPTED, DECLINED, UNSURE)
"""Words after which a measurement is not sent any more; `failed` gives it back."""
_MAX_BYTES = 16 << 20


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step."""

    word: str
    about: str
    """The key of a measurement, the name of a report, or the salt of the run's ids."""
    uid: str = ""
    """The collector's name of an accepted measurement."""


@dataclass(slots=True, kw_only=True)
class SubmitJournal:
    """The steps of one run, as far as they are known."""

    file: Path
    salt: str = ""
    reports: list[str] = field(default_factory=list)
    words: dict[str, str] = field(default_factory=dict)
    """Key -> the last word on it; one that a kill left at `begun` is `unsure`."""

    def note(self, word: str, about: str, uid: str = "") -> None:
        """Write a step down. Raises StoreError."""
        with translate_os_errors(self.file):
            append_lines(self.file, msgspec.json.encode(Line(word=word, about=about, uid=uid)) + b"\n")
        self._take(word, about)

    def count(self, word: str) -> int:
        """Measurements that this is the last word on."""
        return sum(1 for last in self.words.values() if last == word)

    def is_settled(self, key: str) -> bool:
        """Whether a measurement is not to be sent any more."""
        return self.words.get(key) in ENDS

    def remove(self) -> None:
        """Forget the steps, once the run as a whole is noted elsewhere. Raises StoreError."""
        with translate_os_errors(self.file):
            self.file.unlink(missing_ok=True)

    def _take(self, word: str, about: str) -> None:
        if word == SALT:
            self.salt = self.salt or about
        elif word == REPORT:
            self.reports.append(about)
        else:
            self.words[about] = word


def open_journal(directory: Path, place: str, run_id: str) -> SubmitJournal:
    """The journal of a run, with what an earlier process wrote; only the holder of the lock may. Raises StoreError."""
    state = find_state_file(directory, place, SUBMIT_FOLDER)
    journal = SubmitJournal(file=state.with_name(f"{state.stem}-{run_id}.jsonl"))
    for line in _lines(journal.file):
        journal._take(line.word, line.about)
    journal.words = {key: UNSURE if word == BEGUN else word for key, word in journal.words.items()}
    if not journal.salt:
        make_folder(journal.file.parent)
        journal.note(SALT, secrets.token_hex(16))
    return journal


def _lines(file: Path) -> Iterator[Line]:
    """The whole lines; one that a kill cut off was followed by nothing."""
    with translate_os_errors(file):
        text = b""
        with suppress(FileNotFoundError), open_regular(file) as handle:
            text = handle.read(_MAX_BYTES)
    for line in text.splitlines():
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            yield decode_json(line, Line)


def log_reports(directory: Path, report: dict[str, object]) -> None:
    """Add a run that is done to the log of reports. Raises StoreError."""
    file = directory / SUBMIT_FOLDER / REPORTS_FILE
    with translate_os_errors(file):
        append_lines(file, msgspec.json.encode(report) + b"\n")


def prune_journals(directory: Path, place: str) -> None:
    """Forget the steps of runs that are not stored any more. Raises StoreError."""
    state = find_state_file(directory, place, SUBMIT_FOLDER)
    there = {run_id for _, run_id in list_stored_runs(directory)}
    for file in list_paths(state.parent, f"{state.stem}-*.jsonl"):
        if file.stem.removeprefix(f"{state.stem}-") not in there:
            with translate_os_errors(file):
                file.unlink(missing_ok=True)
