"""What is wrong with a row that is left out: one table of reasons, and the expressions that find them.

Nothing in the files of others is believed. A row is used when its run is whole, of a schema that is known, at a time
that can be, and when every name in it is one that the probe could have written.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from probe.core.own_hellos import HELLO_WORD
from probe.core.tables.name_ages import ESTABLISHED_DAYS
from probe.core.tables.outcomes import NOT_ATTEMPTED, OUTCOMES
from probe.core.tables.versions import SCHEMA_VERSION

FRESH = "fresh"
REASONS: Mapping[str, str] = {
    "file": "the file cannot be read as what it is named",
    "signature": "a run in the file is not what its probe signed: see, and mend, with probe verify --repair",
    "torn": "the line is torn: too few or too many cells, an open quotation mark, or no UTF-8",
    "schema": f"of a newer schema than version {SCHEMA_VERSION}: update this program",
    "run_id": "the run has a name that no run has",
    "time": "the run has no time of the form 2017-05-04T06:12:00Z",
    "past": "the run is older than any measurement: the clock was not set",
    "future": "the run lies in the future: the clock was wrong",
    "day": "the run began on another day than that of its folder",
    "lab_type": "`lab` is neither true nor false",
    "country": "the country is no code of two capital letters",
    "network": "the network has no number between 0 and 4294967295",
    "probe_id": "the probe has a name that no probe has",
    FRESH: "the name had not measured in this network on "
           f"{ESTABLISHED_DAYS} days before, while others who had did: it does not count beside them",
    "conflict": "there are two versions of the run: none of its rows is used",
    "unfinished": "there is no such run on that day: it was not finished, or its file is missing or left out",
    "name": "the target, service or role has a name that none has",
    "outcome": "the outcome is none of the codebook's words",
    "block_type": "the block type, or what is suspected, is no dotted path",
    "confirmed": "`confirmed` is neither true nor false",
}
"""Word -> what it says to a person, in the order in which reasons are looked for."""

OTHER_SIDE = "lab"
"""Said of rows that are sound and on the other side: the laboratory's, or not. They are no rejected ones."""

EARLIEST = datetime(2010, 1, 1)
AHEAD = timedelta(hours=1)
"""So far may a clock be ahead of ours: less than the width of a cell."""

CODES: Mapping[str, int] = {word: number for number, word in enumerate((*OUTCOMES, NOT_ATTEMPTED))}
"""Outcome -> a number, which is quicker to count."""

_RUN_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}\z"
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,159}\z"
_PROBE_ID = r"^[A-Za-z0-9._:-]{0,128}\z"
_BLOCK_TYPE = r"^[a-z0-9_]+(\.[a-z0-9_]+){0,7}\z"
_COUNTRY = r"^[A-Z]{2}\z"
_TIME = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,9})?(Z|\+00:00)?\z"
_MAX_ASN = (1 << 32) - 1


def text(column: ir.Value) -> ir.StringValue:
    """A text; where there is none the empty one, as in the CSV files. Where none can be missing none is looked for, so
    that DuckDB keeps its list of the texts that come often."""
    words = column.cast("string")
    return words.fill_null("") if column.type().nullable else words


def has_sure_place(runs: ir.Table) -> ir.BooleanValue:
    """Whether a run was made where it says: through no tunnel, and nothing of its place is in doubt."""
    return ((text(runs.tunnel) == "") & text(runs.vantage_doubt).isin(["", "[]"])
            & (text(runs.network_type) != "vpn"))


def flag(column: ir.Value) -> ir.BooleanValue:
    """true or false, NULL for anything else."""
    if column.type().is_boolean():
        return column.cast("boolean")
    word = text(column).lower()
    return ibis.cases((word == "true", True), (word == "false", False), else_=ibis.null(dt.boolean))


def whole_number(column: ir.Value) -> ir.IntegerValue:
    """A whole number, NULL for anything else."""
    if column.type().is_integer():
        return column.try_cast("int64") if column.type().is_unsigned_integer() else column.cast("int64")
    word = text(column)
    return ibis.cases((word.re_search(r"^\d{1,18}\z"), word), else_=ibis.null(dt.string)).cast("int64")


def moment(column: ir.Value) -> ir.TimestampValue:
    """A time in UTC without a zone, NULL for anything else."""
    if column.type().is_timestamp():
        return column.cast("timestamp")
    word = text(column)
    return ibis.cases((word.re_search(_TIME), word.substr(0, 19).replace("T", " ")),
                      else_=ibis.null(dt.string)).try_cast("timestamp")


def read_hello(column: ir.StringValue) -> ir.StringValue:
    """The shape of a run's own ClientHello; the empty text for a word that the probe could not have written."""
    return ibis.cases((column.re_search(rf"^{HELLO_WORD}\z"), column), else_="")


def run_reason(runs: ir.Table, *, now: datetime, lab: bool) -> ir.StringValue:
    """Why a run counts for nothing; the empty text when it counts.

    Columns: run_id, start, day, lab, probe_cc, probe_asn, probe_id, schema_version.
    """
    schema = runs.schema_version
    known = (schema == "") | schema.isin([str(n) for n in range(int(SCHEMA_VERSION) + 1)])
    asn = runs.probe_asn
    return ibis.cases(
        (~known, "schema"),
        (~runs.run_id.re_search(_RUN_ID), "run_id"),
        (runs.start.isnull(), "time"),
        (runs.start < ibis.literal(EARLIEST), "past"),
        (runs.start > ibis.literal(now.replace(tzinfo=None) + AHEAD), "future"),
        ((runs.day != "") & (runs.start.strftime("%Y-%m-%d") != runs.day), "day"),
        (runs.lab.isnull(), "lab_type"),
        (~runs.probe_cc.re_search(_COUNTRY), "country"),
        (asn.isnull() | (asn < 0) | (asn > _MAX_ASN), "network"),
        (~runs.probe_id.re_search(_PROBE_ID), "probe_id"),
        (runs.lab != lab, OTHER_SIDE),
        else_="",
    )


def name_reason(*names: ir.StringValue) -> ir.StringValue:
    """Why names cannot be those of a target, a service, a role."""
    sound = ibis.and_(*(name.re_search(_NAME) for name in names))
    return ibis.cases((~sound, "name"), else_="")


def row_reason(rows: ir.Table) -> ir.StringValue:
    """Why a row itself is left out; columns: code, and of verdicts block_type, suspected, confirmed."""
    reasons: list[tuple[ir.BooleanValue, str]] = [(rows.code.isnull(), "outcome")]
    if "block_type" in rows.columns:
        causes = (rows.block_type, rows.suspected)
        reasons.append((ibis.or_(*((cause != "") & ~cause.re_search(_BLOCK_TYPE) for cause in causes)), "block_type"))
        reasons.append((rows.confirmed.isnull(), "confirmed"))
    return ibis.cases(*reasons, else_="")


def code(outcome: ir.StringValue) -> ir.IntegerValue:
    """The number of an outcome, NULL for a word that is none."""
    return ibis.cases(*((outcome == word, ibis.literal(number, "int8")) for word, number in CODES.items()),
                      else_=ibis.null(dt.int8))
