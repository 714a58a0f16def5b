"""Rows that may be published without leading to the person who measured.

- A row's time and place are those of a cell: its network and hour, where at least five established probes measured
  from that network in the 30 days up to then, else its country and day. Fewer could be told apart by when they are
  awake. A probe is established when the collector has known its name there for three days, by a record of its own; of
  names behind one prefix of addresses, where it tells it, two count. Else whoever sends four folders, of days that were
  never measured, had the fifth person's network and hour published. Where there is no record, nobody is established.
- What is in doubt of a run's place (`vantage_doubt`) is not told: country ZZ, no network.
- A cell is released once it has been over for 24 hours, so nobody is found by watching the wire for what was just
  published.
- Only the columns named below are released; one that is added to the results stays out until somebody thought about
  it. Out are: what names an installation (probe_id, run_id with its time, versions of libraries, seeds, clock, paths,
  a helper's name), hops and what tells of them (traces, the hop of a verdict, ICMP senders, packets, IP TTLs), and
  texts that a network wrote and that may speak of its user (bodies, titles, redirects, certificates' names).
- What the probe asked of its own access line (the ladder, traces, searches for a hop) is left out row by row, and so
  are foreign names at helpers and at servers that agreed: a censor would learn whom to block, and they may be the
  person's own.
- No address of a resolver that the network itself gave: it lies in the person's own network, or names the provider.
  Which network it belongs to is not known from the results, so nothing stands in its place.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from probe.config.geo.vantage_place import network_of
from probe.core.runs import Run
from probe.core.stamps import format_time
from probe.core.tables.name_ages import HISTORY_DAYS
from probe.core.tables.operations import TRACES
from probe.core.tables.purposes import NOT_PUBLISHED
from probe.core.tables.resolvers import ENCRYPTED, NEUTRAL
from probe.store.archive.vouched_names import VouchedNames
from probe.store.row_codec import Row, Value
from probe.store.runs.run_reader import read_start
from probe.store.schema import Table
from probe_analysis.exports.established_probes import count_established

MIN_PROBES = 5
WINDOW_DAYS = HISTORY_DAYS
DELAY = timedelta(hours=24)

_FRAME = ("run_id", "measurement_uid", "measurement_start_time", "probe_cc", "probe_asn", "lab", "catalogue_version",
          "rules_version", "software_version", "schema_version")
RELEASED: Mapping[str, tuple[str, ...]] = {
    "verdicts": (
        *_FRAME, "target_id", "service", "owner", "role", "input", "outcome", "block_type", "also", "basis",
        "suspected", "confidence", "confirmed", "rule_id", "rules", "struck", "spared", "evidence", "evidence_level",
        "attempts", "failed_attempts", "intermittent", "intermittent_k", "intermittent_n", "troubled",
        "troubled_k", "troubled_n", "troubled_beside", "troubled_beside_k", "troubled_beside_n",
        "control", "partial",
    ),
    "services": (
        *_FRAME, "service", "role", "outcome", "k", "n", "not_attempted", "partial", "block_types", "blocked_targets",
        "blocked_inputs", "k_ipv4", "n_ipv4", "k_ipv6", "n_ipv6",
    ),
    "observations": (
        *_FRAME, "observation_id", "sequence", "target_id", "input", "purpose", "attempt", "planned", "operation",
        "failure", "tainted_by", "t0_s", "t_s", "hostname", "address", "address_source", "port", "family", "dns_engine",
        "resolver", "resolver_address", "query_type", "rcode", "answers", "cnames", "answer_ttl_s", "authoritative",
        "sni", "alpn", "tls_version", "cipher", "tls_alert", "hello_bytes", "acked", "server_hello", "shape",
        "segments", "chain", "trust", "method", "host_header", "status", "header_names", "body_bytes", "body_sha256",
        "body_truncated", "met_expectation", "fingerprint", "fingerprint_scope", "requests", "responses", "protocol",
        "proof", "reply_bytes", "bytes_written", "bytes_read", "flow_s", "bins", "rounds",
        "min_rtt_ms", "end_ms", "retransmits", "segments_out", "delivered", "mean_rtt_ms", "out_of_order",
    ),
    "controls": (
        *_FRAME, "asn", "cc", "input", "state", "dns_failure", "addresses", "tcp", "tls", "udp", "leaf_keys", "app",
        "http_failure", "http_status", "http_body_bytes", "http_header_names", "volume_failure", "volume_bytes",
        "volume_s",
    ),
    "runs": (
        "run_id", "measurement_start_time", "trigger", "outcome", "block_type", "also", "n_targets", "n_attempted",
        "n_observations", "catalogue_version", "rules_version", "software_version", "schema_version", "probe_cc",
        "probe_asn", "network_type", "tunnel", "lab",
    ),
}
"""Table -> the columns that are released."""

_NAMED_BY_RUN = ("run_id", "measurement_uid", "observation_id", "tainted_by", "evidence")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseCell:
    """Where and when a released row is from."""

    start: datetime
    length: timedelta
    probe_cc: str
    probe_asn: int
    """0: the network is not told."""


def make_released_table(table: Table) -> Table:
    """The table as it is released."""
    names = RELEASED[table.name]
    return replace(table, columns=tuple(column for column in table.columns if column.name in names))


def select_releasable_runs(runs: Sequence[Run], everybody: Iterable[Run], *, now: datetime,
                           vouched: VouchedNames | None = None) -> list[tuple[Run, ReleaseCell, str]]:
    """The runs whose cells may be released, each with its cell and a name that is new in every release.

    `everybody` is every run that is known, also those that nobody asked for: they tell how many probes a network has.
    `vouched` is the collector's record of names, where there is one.
    Raises ValueError for a run whose time is none.
    """
    probes = _probes_by_day(everybody)
    out = []
    for run in runs:
        cell = _cell(run, probes, vouched)
        if cell.start + cell.length + DELAY <= now:
            out.append((run, cell, secrets.token_hex(8)))
    return sorted(out, key=lambda found: (found[1].start, found[1].probe_cc, found[1].probe_asn, found[2]))


def release_rows(rows: Iterable[Row], table: Table, run_id: str, cell: ReleaseCell, name: str) -> Iterator[Row]:
    """A run's rows as they are released: fewer, with less in them, and under another name."""
    for row in rows:
        if row.get("purpose") in NOT_PUBLISHED or row.get("operation") in TRACES:
            continue
        fixed: dict[str, Value] = {"measurement_start_time": format_time(cell.start),
                                   "probe_cc": cell.probe_cc, "probe_asn": cell.probe_asn}
        if table.name == "observations":
            fixed |= _less(row)
        fixed |= {column: _rename_run(row[column], run_id, name) for column in _NAMED_BY_RUN if column in row}
        yield {column: fixed.get(column, row[column]) for column in RELEASED[table.name]}


def _less(row: Row) -> dict[str, Value]:
    fixed: dict[str, Value] = {}
    if row["resolver"] not in NEUTRAL and row["dns_engine"] not in ENCRYPTED:
        fixed["resolver_address"] = ""
        if row["operation"] in ("resolve", "dns_round_trip"):
            fixed["address"] = ""
    if row["trust"] != "valid":
        fixed["chain"] = ()  # a proxy or antivirus on the person's side makes keys that nobody else has
    return fixed


def _rename_run(value: Value, run_id: str, name: str) -> Value:
    """An id, or several, with another run in front; what is no id of the run becomes empty."""
    if isinstance(value, tuple):
        return tuple(str(_rename_run(str(item), run_id, name)) for item in value)
    text = str(value)
    return name + text.removeprefix(run_id) if text.startswith(run_id) else ""


def _cell(run: Run, probes: Mapping[tuple[str, int], Mapping[date, frozenset[str]]],
          vouched: VouchedNames | None) -> ReleaseCell:
    start = read_start(run)
    network = cc, asn = network_of(run.vantage)
    if asn and count_established(probes.get(network, {}), start.date(), asn, vouched) >= MIN_PROBES:
        return ReleaseCell(start=start.replace(minute=0, second=0, microsecond=0), length=timedelta(hours=1),
                           probe_cc=cc, probe_asn=asn)
    return ReleaseCell(start=datetime(start.year, start.month, start.day, tzinfo=UTC), length=timedelta(days=1),
                       probe_cc=cc, probe_asn=0)


def _probes_by_day(runs: Iterable[Run]) -> dict[tuple[str, int], dict[date, frozenset[str]]]:
    found: defaultdict[tuple[str, int], defaultdict[date, set[str]]] = defaultdict(lambda: defaultdict(set))
    for run in runs:
        if run.vantage.probe_id:
            found[network_of(run.vantage)][read_start(run).date()].add(run.vantage.probe_id)
    return {network: {day: frozenset(ids) for day, ids in days.items()} for network, days in found.items()}
