"""Times of connections, handshakes and first bytes by network, name and hour, from observations; written as ibis
expressions. A row is a bin of a sketch (`time_sketch`): what is kept of an hour is bounded by names, probes' slots and
bins, however much was measured."""

from __future__ import annotations

from math import log
from typing import Final

import ibis
import ibis.expr.types as ir

from probe_analysis.cells import row_quality
from probe_analysis.cells.cell_expressions import day_number, without_right
from probe_analysis.cells.row_quality import text
from probe_analysis.times.time_count import SLOTS
from probe_analysis.times.time_sketch import LAST_BIN, PER_OCTAVE

OBSERVATION: Final = ("run_id", "target_id", "purpose", "operation", "failure", "reason", "tainted_by", "hostname",
                      "sni", "shape", "address", "t0_s", "t_s")
COUNTED: Final = ("cc", "asn", "hour", "slot", "version", "fresh", "name", "service", "prefix", "step", "bin",
                  "censored", "n")
PURPOSES: Final = ("target", "trusted", "innocent")
"""What is asked as everybody asks it."""
_STEPS: Final = {"connect": 0, "tls_handshake": 1, "http_round_trip": 2}
_TIMEOUTS: Final = ("generic_timeout_error", "timed_out")
_ADDRESS4, _ADDRESS6 = r"^(\d{1,3}\.\d{1,3}\.\d{1,3})\.\d{1,3}\z", r"^([0-9a-f]{1,4}:[0-9a-f]{0,4}:[0-9a-f]{0,4}):"
_SECONDS = r"^-?\d{1,9}(\.\d{1,9})?\z"
_LEAST_S, _MOST_S = 1e-5, 600.0
_VERSIONS = 1000


def count_times(raw: ir.Table, runs: ir.Table, traits: ir.Table, names: ir.Table) -> ir.Table:
    """The columns of COUNTED; `step` is the place of a word of STEPS.

    `raw` has the columns of OBSERVATION; `runs` is from `probe_hours.leave_out_fresh`, `traits` from `number_traits`;
    `names` has `target_id` and `service`.
    """
    asked = raw.filter(raw.operation.isin(list(_STEPS)), raw.purpose.isin(list(PURPOSES)),
                       (text(raw.failure) == "") | raw.failure.isin(list(_TIMEOUTS)), text(raw.tainted_by) == "",
                       text(raw.reason) == "", text(raw.shape) == "")
    took_s = _read_seconds(asked.t_s) - _read_seconds(asked.t0_s)
    sni = text(asked.sni)
    rows = asked.select(
        run_id=text(asked.run_id), day_no=day_number(asked.file), target_id=text(asked.target_id),
        name=ibis.cases((sni != "", sni), else_=text(asked.hostname)), address=text(asked.address),
        step=_number_steps(asked.operation), censored=text(asked.failure) != "", took_s=took_s)
    rows = rows.filter(rows.took_s > _LEAST_S, rows.took_s < _MOST_S, rows.name != "", rows.address != "")
    places = runs.select("run_id", "day_no", "probe", "trait", "cc", "asn", "hour", "fresh")
    rows = without_right(rows.inner_join(places, ["run_id", "day_no"]))
    octaves = ibis.greatest(rows.took_s * 1000, 1.0).ln() / log(2)
    binned = rows.select("cc", "asn", "hour", "trait", "fresh", "name", "target_id", "address", "step", "censored",
                         slot=(rows.probe.abs() % SLOTS).cast("int64"),
                         bin=ibis.least((octaves * PER_OCTAVE).floor(), LAST_BIN).cast("int64"))
    counted = binned.group_by(list(binned.columns)).agg(n=ibis._.count())  # which leaves few texts to look at
    services = names.group_by("target_id").agg(service=names.service.min())
    named = without_right(without_right(counted.inner_join(traits, "trait")).left_join(services, "target_id"))
    return _name_prefixes(named.mutate(service=named.service.fill_null("")))


def _name_prefixes(rows: ir.Table) -> ir.Table:
    address = rows.address
    prefix = ibis.cases((address.re_search(_ADDRESS4), address.re_extract(_ADDRESS4, 1)),
                        (address.re_search(_ADDRESS6), address.re_extract(_ADDRESS6, 1)), else_="")
    named = rows.mutate(prefix=prefix, version=(rows.instrument.hash().abs() % _VERSIONS).cast("int64"))
    named = named.filter(named.prefix != "", row_quality.name_reason(named.name) == "",
                         (named.service == "") | (row_quality.name_reason(named.service) == ""))
    return named.group_by([name for name in COUNTED if name != "n"]).agg(n=named.n.sum())


def _number_steps(operation: ir.Value) -> ir.IntegerValue:
    word = text(operation)
    return ibis.cases(*((word == name, number) for name, number in _STEPS.items()), else_=-1).cast("int64")


def _read_seconds(column: ir.Value) -> ir.FloatingValue:
    """A time; NULL for what is none."""
    if column.type().is_floating():
        return column.cast("float64")
    word = text(column)
    return ibis.cases((word.re_search(_SECONDS), word), else_=ibis.null("string")).cast("float64")
