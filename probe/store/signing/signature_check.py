"""What a run's signature says of its tables, wherever these come from. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from probe.core.key_names import is_key_name, make_key_name
from probe.core.tables.run_words import CUT_SHORT
from probe.core.tables.signature_words import UNUSABLE, SignatureState
from probe.store.files.atomic import StoreError
from probe.store.files.csv_files import parse_text
from probe.store.layout import PACKETS_FOLDER
from probe.store.row_codec import Row
from probe.store.schema import COLUMNS_VERSION, TABLES
from probe.store.signing.canonical_rows import digest_rows, digest_text
from probe.store.signing.run_signing import digest_packets, make_message

TableContent = bytes | str | Callable[[], Iterable[Row]]
"""The text of a CSV file, the digest that was taken of the rows, or what gives the rows."""
_KEY_BYTES, _SIGNATURE_BYTES = 32, 64
SIGNED_TABLES = tuple(name for name in TABLES if name != "runs")
"""Those of which a run holds digests."""

SIGNATURE_COLUMNS = frozenset({"run_id", "probe_id", "columns_version", "public_key", "digests", "signature",
                               "conditions"})
"""Columns of `runs` by which a run is told to be unsigned, or partial."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCheck:
    """What is to be said of one run."""

    run_id: str
    state: SignatureState
    tables: tuple[str, ...] = ()
    """Of a damaged run: those that are not what was signed."""
    reason: str = ""
    read: bool = True
    """False where there is no row of runs that could be read: then nobody knows whether the run was signed."""
    partial: bool = False
    """It was ended from outside, and kept without verdicts."""

    @property
    def usable(self) -> bool:
        """Whether the run may be counted, shown and handed on."""
        return self.state not in UNUSABLE


def check_run(tables: Mapping[str, TableContent]) -> RunCheck:
    """Checks some tables of one run against its signature; `runs` has to be among them, others may be left out.

    A run that holds nothing of a signature, under a name that no key gives, is unsigned: then only `runs` is looked
    at. Never raises for what a table holds.
    """
    try:
        rows = tuple(_rows("runs", tables["runs"]))
    except StoreError as error:
        return RunCheck(run_id="", state="damaged", tables=("runs",), reason=str(error))
    if len(rows) != 1:
        return RunCheck(run_id="", state="damaged", tables=("runs",), reason=f"{len(rows)} rows of runs, not one")
    found = check_run_row(rows[0])
    return check_tables(found, rows[0], tables) if found.state == "signed" else found


def check_tables(found: RunCheck, row: Row, tables: Mapping[str, TableContent]) -> RunCheck:
    """As `check_run`, once the row of the runs table was checked with the outcome `found`: signed."""
    damaged = {name: why for name in SIGNED_TABLES if name in tables and (why := _compare(name, tables[name], row))}
    if not damaged:
        return found
    return RunCheck(run_id=found.run_id, state="damaged", tables=tuple(damaged), reason="; ".join(damaged.values()))


def check_run_row(row: Row) -> RunCheck:
    """Checks the signature of a row of the runs table alone: `signed` says nothing of the other tables yet."""
    conditions = row.get("conditions")
    partial = isinstance(conditions, tuple | list) and CUT_SHORT in conditions
    return replace(_check_signature(row), partial=partial)


def _check_signature(row: Row) -> RunCheck:
    run_id, name = str(row.get("run_id", "")), str(row.get("probe_id", ""))
    key, signature, digests = (row.get(column) for column in ("public_key", "signature", "digests"))
    version = row.get("columns_version", 0)
    if not (key or signature or digests or version):
        if not is_key_name(name):
            return RunCheck(run_id=run_id, state="unsigned")
        return _damaged(run_id, "its signature is missing, and its probe signs")
    if isinstance(version, int) and version > COLUMNS_VERSION:
        return RunCheck(run_id=run_id, state="newer", reason=f"version {version} of the columns, this program knows up "
                                                             f"to {COLUMNS_VERSION}: update it")
    public = _read_hex(key, _KEY_BYTES)
    if not _is_signed(row, version, public, _read_hex(signature, _SIGNATURE_BYTES)):
        return _damaged(run_id, "its row of runs is not what was signed")
    if make_key_name(public) != name:
        return RunCheck(run_id=run_id, state="foreign", tables=("runs",),
                        reason=f"signed by {make_key_name(public)}, not by the probe whose name it bears")
    return RunCheck(run_id=run_id, state="signed")


def compare_packets(row: Row, content: bytes) -> str:
    """Why a file of captured packets is not what a signed row of runs tells of; empty where it is."""
    expected = _list_digests(row).get(PACKETS_FOLDER, "")
    if not expected:
        return "the packets were not signed"
    return "" if digest_packets(content) == expected else "the packets are not what was signed"


def _damaged(run_id: str, reason: str) -> RunCheck:
    return RunCheck(run_id=run_id, state="damaged", tables=("runs",), reason=reason)


def _is_signed(row: Row, version: object, public: bytes, signature: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if not public or not signature or not isinstance(version, int) or version < 1:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, make_message(row, version))
    except (InvalidSignature, ValueError, KeyError):
        return False
    return True


def _read_hex(text: object, length: int) -> bytes:
    """Bytes in the one way they are written; empty for what is none."""
    try:
        found = bytes.fromhex(str(text))
    except ValueError:
        return b""
    return found if len(found) == length and found.hex() == text else b""


def _list_digests(run: Row) -> dict[str, str]:
    digests = run.get("digests")
    parted = (str(text).partition(":") for text in digests) if isinstance(digests, tuple) else ()
    return {table: rest for table, _, rest in parted}


def _compare(name: str, content: TableContent, run: Row) -> str:
    """Why a table is not what was signed; empty where it is."""
    expected = _list_digests(run).get(name, "")
    if not expected:
        return f"{name} was not signed"
    if isinstance(content, bytes) and digest_text(content) == expected:
        return ""
    try:
        found = content if isinstance(content, str) else digest_rows(
            TABLES[name], int(str(run["columns_version"])), _rows(name, content))
    except StoreError as error:
        return f"{name} cannot be read: {error}"
    except KeyError as error:
        return f"{name} lacks the column {error.args[0]}"
    if found == expected:
        return ""
    now, before = found.partition(":")[0], expected.partition(":")[0]
    return f"{name} has {now} rows, {before} were signed" if now != before else f"{name} is not what was signed"


def _rows(name: str, content: TableContent) -> Iterable[Row]:
    if callable(content):
        return content()
    if isinstance(content, str):
        raise StoreError(f"{name}: a digest is no row")
    return parse_text(Path(name), content, TABLES[name])
