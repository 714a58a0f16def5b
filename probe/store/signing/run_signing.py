"""Signs a run as it is written: the digests of its tables go into its row of the runs table, and that row is signed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from probe.core.runs import Run
from probe.store.files.csv_files import parse_text
from probe.store.layout import PACKETS_FOLDER
from probe.store.row_codec import Row, run_row
from probe.store.schema import COLUMNS_VERSION, TABLES
from probe.store.signing.canonical_rows import (
    canonical_text,
    canonical_time,
    digest_rows,
    digest_text,
    is_canonical,
)

DOMAIN = b"reachability-probe run 1\n"
"""Before the canonical row, so that a signature of something else is never one of a run."""


class RunSigner(Protocol):
    """Who signs."""

    @property
    def name(self) -> str:
        """The hash of the public key."""

    @property
    def public(self) -> bytes:
        """32 bytes."""

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""


def sign_run(run: Run, texts: Mapping[str, bytes], signer: RunSigner, *, packets: bytes = b"") -> Run:
    """The run with its signature; `texts` are the files of its tables, as `write_csv` makes them, and `packets` is that
    of its captured packets.

    A run that goes by another name than the key's stays unsigned: it would be taken for a forgery.
    """
    if run.vantage.probe_id != signer.name:
        return run
    proper = canonical_time(run.measurement_start_time) == run.measurement_start_time
    digests = tuple(f"{name}:{_digest(name, text, proper=proper)}" for name, text in texts.items()
                    if name != "runs")
    if packets:
        digests += (f"{PACKETS_FOLDER}:{digest_packets(packets)}",)
    unsigned = replace(run, columns_version=COLUMNS_VERSION, public_key=signer.public.hex(), digests=digests,
                       signature="")
    return replace(unsigned, signature=signer.sign(make_message(run_row(unsigned, TABLES["runs"]), COLUMNS_VERSION)
                                                   ).hex())


def digest_packets(content: bytes) -> str:
    """`bytes:SHA-256` of a file of captured packets, which has one form alone."""
    return f"{len(content)}:{sha256(content).hexdigest()}"


def make_message(row: Row, version: int) -> bytes:
    """What is signed: the row of the runs table without its signature. Raises KeyError where it lacks a column."""
    return DOMAIN + canonical_text(TABLES["runs"], version, [{**row, "signature": ""}])


def _digest(name: str, text: bytes, *, proper: bool) -> str:
    if proper and is_canonical(text):
        return digest_text(text)
    return digest_rows(TABLES[name], COLUMNS_VERSION, parse_text(Path(name), text, TABLES[name]))
