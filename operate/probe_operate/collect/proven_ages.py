"""Names whose holders proved that they were registered long before: what volunteers sent, and the record of it.

A proof counts from the day on which it came, so that no day that was judged before is judged otherwise; and then at
once, since who shows one has waited for a month. The file `proven-ages.csv` has the columns of `vouched.csv`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from io import BytesIO
from itertools import islice
from pathlib import Path

from probe.core.tables.name_ages import ESTABLISHED_DAYS
from probe.store.archive.proof_names import PROOFS_FOLDER, find_proof_month
from probe.store.archive.vouched_names import PROVEN_FILE, VouchedName, read_record
from probe.store.files.atomic import translate_os_errors
from probe.store.signing.age_proofs import (
    AgeError,
    AgeProof,
    IssuerKeys,
    add_months,
)
from probe_operate.collect.record_writing import write_record
from probe_operate.collect.remote_runs import InboxError, RemoteFile, RemoteInbox
from probe_operate.issuer.age_proof_check import MAX_PROOF_BYTES, read_age_proof

MAX_PROOFS = 20_000
"""That are looked at in one source: an issuer gives far fewer in two months."""
_FETCH_S, _MOST_FAILURES = 600.0, 10
"""What fetching those of an inbox may take, and how many in a row may fail."""
_TOO_MANY = "was not looked at: there are too many; remove those of earlier months, and change the login"


@dataclass(slots=True, kw_only=True)
class ProofCounts:
    """What became of proofs; filled proof by proof."""

    new: int = 0
    """Names that are established from today on."""
    known: int = 0
    """Proofs that came before, or again, or for a name whose age was proved in that network already."""
    worthless: Counter[str] = field(default_factory=Counter)
    """Why a proof counts for nothing -> how many."""


@dataclass(slots=True, kw_only=True)
class ProvenAges:
    """The record of one data set, with what is noted today."""

    path: Path
    today: date
    keys: IssuerKeys
    names: dict[tuple[str, int], VouchedName]
    counts: ProofCounts = field(default_factory=ProofCounts)

    def note(self, content: bytes) -> None:
        """Something that came as a proof."""
        try:
            proof = read_age_proof(content, self.keys)
            self._check_month(proof)
        except AgeError as error:
            self.counts.worthless[str(error)] += 1
            return
        key = proof.probe_id, proof.asn
        if key in self.names:
            self.counts.known += 1
            return
        self.names[key] = VouchedName(since=self.today - timedelta(days=ESTABLISHED_DAYS), prefix="")
        self.counts.new += 1

    def save(self) -> None:
        """Writes what was noted, as a whole or not at all. Raises StoreError."""
        if not self.counts.new:
            return
        write_record(self.path, self.names)

    def is_looked_at(self, names: Sequence[str]) -> bool:
        """Whether the file at a path, as names of folders and its own, is a proof of this month or of the last one,
        which may be late."""
        return find_proof_month(names) in self._list_months()

    def _check_month(self, proof: AgeProof) -> None:
        """Raises AgeError: what was got for one month says nothing in another."""
        if proof.month not in self._list_months():
            raise AgeError("is of another month")

    def _list_months(self) -> tuple[str, str]:
        now = f"{self.today:%Y-%m}"
        return now, add_months(now, -1)


def open_proven_ages(out: Path, today: date, keys: IssuerKeys) -> ProvenAges:
    """The record of a data set. Raises StoreError."""
    path = out / PROVEN_FILE
    return ProvenAges(path=path, today=today, keys=keys, names=dict(read_record(path)))


def note_proofs(source: Path | RemoteInbox, listed: Iterable[RemoteFile], ages: ProvenAges) -> None:
    """Every proof of a source; `listed`: those that an inbox's listing named. Raises StoreError."""
    files = _read_folder(source, ages) if isinstance(source, Path) else _fetch(source, listed, ages)
    for content in islice(files, MAX_PROOFS):
        ages.note(content)
    if any(True for _ in islice(files, 1)):
        ages.counts.worthless[_TOO_MANY] += 1


def _read_folder(source: Path, ages: ProvenAges) -> Iterator[bytes]:
    folder = source / PROOFS_FOLDER
    if folder.is_symlink() or not folder.is_dir():
        return
    with translate_os_errors(folder):
        for path in sorted(folder.iterdir()):
            if ages.is_looked_at((PROOFS_FOLDER, path.name)) and path.is_file() and not path.is_symlink():
                with path.open("rb") as file:
                    yield file.read(MAX_PROOF_BYTES + 1)


def _fetch(inbox: RemoteInbox, listed: Iterable[RemoteFile], ages: ProvenAges) -> Iterator[bytes]:
    """Those that can be fetched in time; the next collection tries the others."""
    failures, ends = 0, time.monotonic() + _FETCH_S
    for file in listed:
        if not ages.is_looked_at(file.name.split("/")):
            continue
        content = BytesIO()
        try:
            inbox.fetch(file.name, content, most=MAX_PROOF_BYTES)
        except InboxError:
            failures += 1
            if failures == _MOST_FAILURES or time.monotonic() > ends:
                return
            continue
        failures = 0
        yield content.getvalue()
        if time.monotonic() > ends:
            return
