"""Runs in an inbox that is no folder: its listing sorted into runs, and each new one fetched, checked and passed on.

Nothing in a listing is believed: names that are not those of a run's files are told and never asked for, and what is
fetched goes through the same checks as a folder that somebody sent. A run whose files are listed as before is not
fetched again.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Protocol

from probe.store.archive.own_files import parse_day
from probe.store.archive.proof_names import find_proof_month
from probe.store.archive.run_archive import MAX_UNPACKED_BYTES
from probe.store.archive.sealed_runs import SEALED_FOLDER
from probe.store.archive.sealed_runs import SUFFIX as SEALED_SUFFIX
from probe.store.files.atomic import StoreError
from probe.store.layout import ARCHIVES_FOLDER, PACKETS_FOLDER, PARQUET_FOLDER, SUMS_FOLDER, is_run_id
from probe.store.schema import TABLES
from probe_operate.collect.sealed_files import MOST_SEALED_BYTES
from probe_operate.collect.sealed_reading import OpeningKeys, SealedProof, open_sealed, recall_sealed
from probe_operate.collect.submission_check import KnownRun, Recall, RefusedRun, SoundRun, sift_submission

MAX_LISTED = 1_000_000
MAX_LISTED_OF_ONE = 100_000
"""Files in one volunteer's folder that are looked at: an hourly probe sends 9,000 a year."""
_MAX_NAME_CHARS = 200
_AT_ONCE = 4
_MOST_FAILURES = 10
"""Files in a row that could not be fetched: then the inbox is given up until the next call."""
_SUFFIXES = {**dict.fromkeys(TABLES, ".csv"), SUMS_FOLDER: ".sha256", PACKETS_FOLDER: ".pcapng",
             ARCHIVES_FOLDER: ".tgz"}
"""Folder of a results folder -> how the files in its days end."""
_SEGMENT = re.compile(r"[^/\\.][^/\\]*")


class InboxError(StoreError):
    """An inbox, or a file in it, could not be read. The text is made of our own words, with no key in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    """A file as a listing tells of it."""

    name: str
    """Below the inbox, with `/`."""
    bytes: int | None
    """None where the listing does not tell exactly."""
    tag: str
    """Another one once the file was written anew: its time, or what the server calls its version."""


class RemoteInbox(Protocol):
    """Where volunteers' folders lie, or one of them."""

    @property
    def place(self) -> str:
        """Its address without any key, as it is shown."""

    @property
    def unlisted(self) -> Sequence[str]:
        """What could not be listed though the rest was, in our own words; known once `list_files` has ended."""

    def list_files(self) -> Iterator[RemoteFile]:
        """Everything in it, in whatever order. Raises InboxError."""

    def fetch(self, name: str, into: BinaryIO, *, most: int) -> int:
        """Writes a file's content and returns its length. Raises InboxError, also for more than `most` bytes."""


@dataclass(slots=True, kw_only=True)
class RemoteFolder:
    """The runs of one volunteer in an inbox."""

    inbox: RemoteInbox
    label: Path
    """What is shown of it; no such path is ever opened."""
    runs: dict[tuple[str, str, str], list[RemoteFile]] = field(default_factory=dict)
    """(day, run, kind) -> its files; an archive stands alone."""
    sealed: list[RemoteFile] = field(default_factory=list)
    """Of nobody knows whom: they lie in one folder for everybody."""
    strange: list[RemoteFile] = field(default_factory=list)
    files: int = 0
    """Beside the sealed ones."""


def is_looked_into(folder: Sequence[str]) -> bool:
    """Whether a folder of an inbox, as the names that lead there, may hold runs: so no listing leads anywhere else."""
    if not all(is_safe_name(name) for name in folder):
        return False
    below = _below_owner(folder)
    if not below:  # a volunteer's own, whatever its name
        return folder[0] != PARQUET_FOLDER
    if below[0] == SEALED_FOLDER:
        return len(below) == 1
    return below[0] in _SUFFIXES and (len(below) == 1 or (len(below) == 2 and bool(parse_day(below[1]))))


def is_safe_name(name: str) -> bool:
    """Whether this is one step down, and printable."""
    return len(name) <= _MAX_NAME_CHARS and name.isprintable() and _SEGMENT.fullmatch(name) is not None


def list_remote_folders(inbox: RemoteInbox, beside: dict[str, RemoteFile] | None = None) -> list[RemoteFolder]:
    """The folders of an inbox with what they hold, sorted; proofs of age that lie there go into `beside`, by their
    names. Raises InboxError."""
    found: dict[str, RemoteFolder] = {}
    shown = Path(inbox.place.partition("://")[2])
    for count, file in enumerate(inbox.list_files(), start=1):
        if count > MAX_LISTED:
            raise InboxError(f"{inbox.place}: lists more than {MAX_LISTED} files; empty it, or part it")
        names = file.name.split("/")
        if beside is not None and find_proof_month(names):
            beside[file.name] = file
            continue
        below = _below_owner(names)
        owner = "/".join(names[:len(names) - len(below)])
        if len(below) == (2 if below[:1] == [SEALED_FOLDER] else 3) and is_looked_into(names[:-1]):
            _sort_file(file, below, found.setdefault(owner, RemoteFolder(inbox=inbox, label=shown / owner)))
    return [found[owner] for owner in sorted(found)]


def _sort_file(file: RemoteFile, names: Sequence[str], folder: RemoteFolder) -> None:
    """Put a file among those of its volunteer; `names` lead to it from the volunteer's folder."""
    kind, suffix = names[0], SEALED_SUFFIX if names[0] == SEALED_FOLDER else _SUFFIXES[names[0]]
    stem = names[-1].removesuffix(suffix)
    is_known = stem != names[-1] and is_run_id(stem)
    if is_known and kind == SEALED_FOLDER:
        folder.sealed.append(file)
        return
    folder.files += 1
    if folder.files > MAX_LISTED_OF_ONE:
        return
    if is_known:
        run = parse_day(names[1]), stem, kind if kind == ARCHIVES_FOLDER else ""
        folder.runs.setdefault(run, []).append(file)
    else:
        folder.strange.append(file)


def _below_owner(names: Sequence[str]) -> Sequence[str]:
    """Without the name of a volunteer's folder, where there is one."""
    return names if names[0] in _SUFFIXES or names[0] == SEALED_FOLDER else names[1:]


@dataclass(frozen=True, slots=True, kw_only=True)
class _DueRun:
    """What lies in an inbox of one run, and what is made of it."""

    shown: Path
    files: Sequence[RemoteFile]
    recall: Callable[[Recall], KnownRun | RefusedRun | None]
    look: Callable[[Path], Iterator[SoundRun | RefusedRun | SealedProof]]
    """Looks through a folder with the files."""
    most_bytes: int = MAX_UNPACKED_BYTES


class RemoteReading:
    """One collection's way through an inbox; it ends where the inbox fails again and again. With `keys` what is sealed
    is opened."""

    def __init__(self, keys: OpeningKeys | None = None) -> None:
        self._keys = keys
        self._failures = 0
        self._given_up = ""

    def sift(self, folder: RemoteFolder, recall: Recall,
             ) -> Iterator[SoundRun | KnownRun | RefusedRun | SealedProof]:
        """Every run of a folder, or why not, as `sift_submission`. Raises InboxError where the inbox is given up."""
        if self._given_up:
            raise InboxError(self._given_up)
        with tempfile.TemporaryDirectory(prefix="probe-collect-") as room:
            pool = ThreadPoolExecutor(_AT_ONCE)
            try:
                yield from self._sift(folder, recall, Path(room), pool)
            finally:
                pool.shutdown(cancel_futures=True)
        if folder.files > MAX_LISTED_OF_ONE:
            yield RefusedRun(path=folder.label, reason=f"lists {folder.files} files, of which {MAX_LISTED_OF_ONE} are "
                                                       "looked at; remove those that were taken")
        for file in folder.strange:
            yield RefusedRun(path=_shown(folder, file), reason="not a file of a results folder, or of a merged day; "
                                                               "merged days are taken from folders")

    def _sift(self, folder: RemoteFolder, recall: Recall, room: Path,
              pool: ThreadPoolExecutor) -> Iterator[SoundRun | KnownRun | RefusedRun | SealedProof]:
        under_way: deque[tuple[_DueRun, Future[Path]]] = deque()
        sealed = _list_sealed(folder, self._keys) if self._keys else ()
        for number, due in enumerate(chain(_list_plain(folder), sealed)):
            if isinstance(due, RefusedRun):
                yield due
            elif known := due.recall(recall):
                yield known
            else:
                under_way.append((due, pool.submit(_fetch, folder.inbox, due, room / str(number))))
                if len(under_way) > _AT_ONCE:
                    yield from self._finish(folder, *under_way.popleft())
        while under_way:
            yield from self._finish(folder, *under_way.popleft())

    def _finish(self, folder: RemoteFolder, due: _DueRun, fetched: Future[Path],
                ) -> Iterator[SoundRun | RefusedRun | SealedProof]:
        try:
            place = fetched.result()
        except InboxError as error:
            self._failures += 1
            if self._failures >= _MOST_FAILURES:
                self._given_up = (f"{folder.inbox.place}: one file after the other could not be fetched ({error}); the "
                                  "next call tries again")
                raise InboxError(self._given_up) from None
            yield RefusedRun(path=due.shown, reason=str(error))  # without a mark: it is tried again
            return
        self._failures = 0
        try:
            yield from due.look(place)
        finally:
            shutil.rmtree(place)


def _list_plain(folder: RemoteFolder) -> Iterator[_DueRun | RefusedRun]:
    for _, listed in sorted(folder.runs.items()):
        files = {file.name: file for file in listed}  # what is listed twice is one file
        first = next((file for name, file in files.items() if "runs/date=" in name), listed[0])
        shown = _shown(folder, first)
        if first.name.split("/")[-3] not in ("runs", ARCHIVES_FOLDER):
            yield RefusedRun(path=shown, reason="its run was not finished: there is no runs file")
            continue
        mark = _mark(folder.inbox.place, files)
        yield _DueRun(shown=shown, files=list(files.values()), recall=partial(_recall, mark, shown),
                      look=partial(_look, folder, mark))


def _recall(mark: str, shown: Path, recall: Recall) -> KnownRun | RefusedRun | None:
    return recall(mark, shown)


def _look(folder: RemoteFolder, mark: str, place: Path) -> Iterator[SoundRun | RefusedRun]:
    for found in sift_submission(place):
        if isinstance(found, RefusedRun):
            where = folder.label / found.path.relative_to(place)
            yield RefusedRun(path=where, reason=found.reason.replace(f"{place}/", ""), mark=mark)
        elif isinstance(found, SoundRun):
            below = found.upload.partition("/")[2]
            yield replace(found, mark=mark, upload=f"{folder.label.name}/{below}")


def _list_sealed(folder: RemoteFolder, keys: OpeningKeys) -> Iterator[_DueRun]:
    for name, file in sorted({file.name: file for file in folder.sealed}.items()):
        shown, mark = _shown(folder, file), keys.add_to(_mark(folder.inbox.place, {name: file}))
        yield _DueRun(shown=shown, files=[file], recall=partial(recall_sealed, shown, mark),
                      look=partial(_look_sealed, keys, shown, mark), most_bytes=MOST_SEALED_BYTES)


def _look_sealed(keys: OpeningKeys, shown: Path, mark: str,
                 place: Path) -> Iterator[SoundRun | RefusedRun | SealedProof]:
    return open_sealed(place / SEALED_FOLDER / shown.name, keys, shown=shown, mark=mark)


def _shown(folder: RemoteFolder, file: RemoteFile) -> Path:
    return folder.label.joinpath(*_below_owner(file.name.split("/")))


def _mark(place: str, files: Mapping[str, RemoteFile]) -> str:
    """What is listed of a run; empty where a listing does not tell one version of a file from the next."""
    if not all(file.tag for file in files.values()):
        return ""
    seen = hashlib.blake2b(place.encode("utf-8", "surrogateescape"), digest_size=16)
    for name, file in sorted(files.items()):
        seen.update(f"\n{name}\n{file.bytes}\n{file.tag}".encode("utf-8", "surrogateescape"))
    return f"remote:{seen.hexdigest()}"


def _fetch(inbox: RemoteInbox, due: _DueRun, into: Path) -> Path:
    """Fetches the files of one run into a results folder of their own. Raises InboxError."""
    left = due.most_bytes
    for file in due.files:
        path = into.joinpath(*_below_owner(file.name.split("/")))
        path.parent.mkdir(parents=True, exist_ok=True)
        if file.bytes is not None and file.bytes > left:
            raise InboxError(f"is listed with {file.bytes} bytes, more than any run of ours has")
        with path.open("xb") as content:
            count = inbox.fetch(file.name, content, most=left)
        if file.bytes is not None and count != file.bytes:
            raise InboxError(f"has {count} bytes and is listed with {file.bytes}: torn, or written just now")
        left -= count
    return into
