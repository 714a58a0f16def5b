"""Cells: how often, in each hour and on each network, a target, a role or a service answered, was blocked, or else.

Written once as ibis expressions: DuckDB and ClickHouse give the same. Strings are few and rows are many, so runs
and names get numbers first, and rows are counted by number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import ibis
import ibis.expr.types as ir

from probe.judge.verdicts.earlier_places import UNPLACED
from probe_analysis.cells import row_quality
from probe_analysis.cells.failure_layers import FAILED, LAYERS
from probe_analysis.cells.row_quality import CODES, flag, moment, read_hello, text, whole_number

KEY = ("lab", "probe_cc", "probe_asn", "level", "service", "role", "target_id", "cell_start")
COUNTS = ("n", "ok", "blocked", "down", "inconclusive", "network", "local", "witnesses")
_COUNTED_COLUMNS = (*KEY, *COUNTS, "block_type", "confirmed", *FAILED, "failure_type", "standing")
COLUMNS = (*_COUNTED_COLUMNS, "hellos", "struck_hellos")
ORDER = ("cell_start", "lab", "probe_cc", "probe_asn", "level", "service", "role", "target_id")
"""Of the rows in a file: the same whatever was gone through at once."""
NUMBERED_ORDER = ("slot_no", "level", "name_no")
"""The same order, by the numbers that stand for places and names: quicker to sort by."""

FRAME = ("run_id", "measurement_start_time", "probe_id", "probe_cc", "probe_asn", "lab", "schema_version")
VERDICT = ("target_id", "service", "role", "outcome", "block_type", "confirmed", "suspected")
SERVICE = ("service", "role", "outcome")
_MORE_OF_RUNS = ("measurement_end_time", "n_attempted", "n_observations", "own_hello")
RUN = (*FRAME, *_MORE_OF_RUNS)
OPTIONAL = frozenset({"schema_version", "block_type", "confirmed", "suspected", *_MORE_OF_RUNS})
"""Columns that older files may lack; what counts for them is the empty text, or false."""

_NUMBERS = (*COUNTS, "confirmed", *FAILED)
_COUNTED = ("ok", "blocked", "down", "inconclusive", "network", "local")
_DAY_FOLDER = r"date=(\d{4}-\d\d-\d\d)/[^/]*\z"
_BITS = 30
"""Of a number of 64 bits: as many rows as there can be are summed in the rest."""
_NAMES = ("service", "role", "target_id")
_CAUSES = ("block_type", "suspected")
_PLACE = ("cell_start", "lab", "probe_cc", "probe_asn")
CELL = ["slot_no", "name_no"]
"""What tells cells apart, as numbers."""
_SERVICE_ORDER = ("blocked", "down", "ok", "network", "local", "inconclusive", "not_attempted")
"""A service is what the first of these is that one of its roles is."""


def judge_runs(raw: ir.Table, *, now: datetime, lab: bool) -> ir.Table:
    """Every run once a day, with the reason why it does not count, and numbers for it, its network and hour, its probe.

    `raw` has the columns of RUN, and `file`. Numbers go by hour, so that those of neighbouring days lie together. A run
    that is in the folders of two days is in two versions. All rows of a run get their place and time from here.
    """
    parsed = raw.select(
        run_id=text(raw.run_id), start=moment(raw.measurement_start_time), day=day_of(raw.file),
        probe_id=text(raw.probe_id), probe_cc=text(raw.probe_cc), probe_asn=whole_number(raw.probe_asn),
        lab=flag(raw.lab), schema_version=text(raw.schema_version),
        end=moment(raw.measurement_end_time), hello=read_hello(text(raw.own_hello)),
        **{name: text(raw[name]) for name in ("n_attempted", "n_observations")},
    ).distinct()
    own = ibis.window(group_by=parsed.run_id)
    judged = parsed.mutate(reason=row_quality.run_reason(parsed, now=now, lab=lab), versions=ibis._.count().over(own))
    judged = judged.mutate(sound=judged.reason == "",
                           first=ibis.row_number().over(ibis.window(group_by=[judged.run_id, judged.day],
                                                                    order_by=judged.start)))
    judged = judged.filter(judged["first"] == 0)
    judged = judged.mutate(reason=ibis.cases((judged.versions > 1, "conflict"), else_=judged.reason),
                           cell_start=judged.start.truncate("h").cast("timestamp(6)"), day_no=_number_day(judged.day))
    own = ibis.window(group_by=[judged[name] for name in (*_PLACE, "probe_id", "reason")])
    judged = judged.mutate(
        run_no=ibis.row_number().over(ibis.window(order_by=[judged.cell_start, judged.run_id])).cast("int32"),
        crowded=ibis._.count().over(own) > 1)
    judged = _number(_number(judged, "slot_no", _PLACE), "probe_no", ("probe_id",))
    return judged.select("run_id", "day", "start", "reason", "sound", "cell_start", "lab", "probe_id", "probe_cc",
                         "probe_asn", "run_no", "slot_no", "probe_no", "crowded", "day_no", "hello")


def _number(rows: ir.Table, name: str, columns: tuple[str, ...]) -> ir.Table:
    """The rows with a number for each combination of values in these columns, in their order; none where one is none.

    `dense_rank` would say the same shorter, but not on ClickHouse, which counts rows for it.
    """
    keys = rows.select(*columns).distinct()
    number = ibis.row_number().over(ibis.window(order_by=[keys[column] for column in columns]))
    keys = keys.mutate(**{name: number.cast("int32")})
    return without_right(rows.left_join(keys, columns))


def make_run_frames(raw: ir.Table) -> ir.Table:
    """Runs told by the rows of another table, for results without a runs table."""
    empty = {name: ibis.literal("") for name in _MORE_OF_RUNS}
    return raw.select("file", *FRAME).mutate(file=day_folder(raw.file), **empty).distinct()


def number_names(raw: ir.Table, columns: tuple[str, ...]) -> ir.Table:
    """The different names in rows, with a number for each, and one for the part that is unique within a run."""
    names = raw.select(**{name: text(raw[name]) for name in columns}).distinct()
    names = names.mutate(
        name_reason=row_quality.name_reason(*(names[name] for name in columns)),
        name_no=ibis.row_number().over(
            ibis.window(order_by=[names[name] for name in _NAMES if name in columns])).cast("int32"))
    unique = ("target_id",) if "target_id" in columns else ("service", "role")
    return _number(_number(names, "key_no", unique), "service_no", ("service",))


def count_keys(names: ir.Table) -> ir.Table:
    """One row: how many `names` of `number_names` there are, and how many `keys`, the part that is unique in a run."""
    return names.aggregate(names=as_count(names.name_no.notnull()).sum(), keys=names.key_no.nunique())


def judge_rows(raw: ir.Table, runs: ir.Table, names: ir.Table, key: Sequence[str]) -> ir.Table:
    """Every row with the reason why it does not count, the run and the names that it belongs to as numbers.

    `raw` has `file`, `run_id`, names, `outcome`, and of verdicts `block_type`, `suspected`, `confirmed`; `runs` and
    `names` are as above, `key` are columns that tell the names apart.
    """
    columns = [name for name in ("target_id", "service", "role") if name in names.columns]
    rows = raw.select(
        "file", run_id=text(raw.run_id), day_no=day_number(raw.file), code=row_quality.code(text(raw.outcome)),
        **{name: text(raw[name]) for name in (*columns, *_CAUSES) if name in raw.columns},
        **{name: flag(raw[name]) for name in ("confirmed",) if name in raw.columns},
    )
    own = runs.select("run_id", "day_no", "run_no", "slot_no", "probe_no", "crowded", "start", run_reason=runs.reason)
    found = without_right(rows.left_join(own, ["run_id", "day_no"]).left_join(names, list(key)))
    reason = ibis.cases(
        (found.run_no.isnull(), "unfinished"), (found.run_reason != "", found.run_reason),
        (found.name_reason != "", found.name_reason), else_=row_quality.row_reason(found))
    return found.mutate(reason=reason)


def make_facts(judged: ir.Table) -> ir.Table:
    """The judged rows as numbers, verdicts with `block_type`, `suspected` and `confirmed`."""
    causes = [name for name in (*_CAUSES, "confirmed") if name in judged.columns]
    return judged.select("run_no", "slot_no", "probe_no", "crowded", "name_no", "key_no", "code", *causes, "reason",
                         "day_no")


def find_twins(facts: ir.Table) -> ir.Table:
    """One row, `twins`: not 0 where a run says something twice of one target, or one role.

    Each name is a bit, and where all of a run are different, their sum is their union: much quicker than to look for
    equal pairs.
    """
    bit = (ibis.literal(2, "int64") ** (facts.key_no % _BITS)).cast("int64")
    groups = facts.select("run_no", word=(facts.key_no / _BITS).floor().cast("int64"), bit=bit)
    sums = groups.group_by(["run_no", "word"]).agg(total=groups.bit.sum(), either=groups.bit.bit_or())
    return sums.aggregate(twins=_sum(sums.total != sums.either))


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedRows:
    """The rows of one table that count, as numbers, and what the numbers stand for."""

    facts: ir.Table
    names: ir.Table
    crowded: bool
    """Some probe has several runs in an hour."""


def count_verdict_cells(verdicts: CountedRows, runs: ir.Table) -> ir.Table:
    """The cells of targets."""
    facts = count_once(verdicts.facts) if verdicts.crowded else verdicts.facts
    blocked = facts.filter(facts.code == CODES["blocked"])
    sure = blocked.group_by(["slot_no", "name_no"]).agg(confirmed=_sum(blocked.confirmed))
    return _finish(_tally(facts, blocked, sure, list_failures(facts)), verdicts.names, runs, "target")


def list_failures(facts: ir.Table) -> ir.Table:
    """The verdicts that say what something failed by: what is blocked, and what would be if anything showed that the
    service's own front is not it. What is only said to look like a block counts for nothing."""
    blocked = facts.code == CODES["blocked"]
    suspected = (facts.code == CODES["inconclusive"]) & (facts.suspected != "") & (facts.block_type == UNPLACED)
    failed = facts.filter(blocked | suspected)
    cause = ibis.cases((failed.code == CODES["blocked"], failed.block_type), else_=failed.suspected)
    return failed.select("run_no", "slot_no", "name_no", cause=cause)


def list_role_failures(verdicts: CountedRows, services: CountedRows) -> ir.Table:
    """The roles of runs that failed: what is blocked, and what was left open while more targets failed than answered.

    One row each with `cause`, of several the last by name, and `service_no`.
    """
    roles = services.names.select("service", "role", "service_no", role_no="name_no")
    names = verdicts.names.select("name_no", "service", "role").inner_join(roles, ["service", "role"])
    names = names.select("name_no", "service_no", "role_no")
    failed = list_failures(verdicts.facts).inner_join(names, "name_no")
    failed = failed.group_by(["run_no", "role_no"]).agg(cause=failed.cause.max(), failed=_size(failed))
    left_open = services.facts.filter(services.facts.code == CODES["inconclusive"]).select("run_no", role_no="name_no")
    left_open = left_open.semi_join(failed, ["run_no", "role_no"])  # of what is blocked it is not asked
    served = verdicts.facts.filter(verdicts.facts.code == CODES["ok"]).semi_join(left_open, "run_no")
    served = without_right(served.select("run_no", "slot_no", "name_no").inner_join(names, "name_no"))
    served = served.group_by(["run_no", "role_no"]).agg(served=_size(served))
    not_ok = services.facts.filter(services.facts.code.isin([CODES["blocked"], CODES["inconclusive"]]))
    not_ok = not_ok.select("run_no", "slot_no", "code", role_no="name_no").inner_join(
        roles.select("role_no", "service_no"), "role_no")
    both = without_right(without_right(not_ok).left_join(failed, ["run_no", "role_no"]))
    both = without_right(both.left_join(served, ["run_no", "role_no"]))
    open_and_failed = both.failed.fill_null(0) > both.served.fill_null(0)
    both = both.filter((both.code == CODES["blocked"]) | open_and_failed)
    return both.select("run_no", "slot_no", "service_no", name_no="role_no", cause=both.cause.fill_null(""))


def number_blocked(verdicts: CountedRows, services: CountedRows) -> ir.Table:
    """The blocked verdicts with the numbers that their roles and services have in the table of services."""
    facts = verdicts.facts.filter(verdicts.facts.code == CODES["blocked"])
    facts = facts.inner_join(verdicts.names.select("name_no", "service", "role"), "name_no").drop("name_no")
    roles = services.names.select("service", "role", "name_no", "service_no")
    return facts.inner_join(roles, ["service", "role"]).select(
        "run_no", "slot_no", "name_no", "service_no", "block_type", "confirmed")


def count_role_cells(services: CountedRows, blocked: ir.Table | None, failures: ir.Table | None,
                     runs: ir.Table) -> ir.Table:
    """The cells of roles; the blocked verdicts of their targets, if there are any, tell by what and if confirmed, and
    `failures`, from `list_role_failures`, what failed."""
    facts = services.facts
    if services.crowded:
        facts = count_once(facts)
        blocked, failures = (_of_counted(rows, services.facts, facts) for rows in (blocked, failures))
    return _finish(_tally(facts, blocked, _count_confirmed(facts, blocked), failures), services.names, runs, "role")


def combine_services(services: CountedRows) -> ir.Table:
    """What each run says of each service, from its roles, as the facts of roles are."""
    names = services.names.select("name_no", "service_no")
    names = names.mutate(lone=ibis._.count().over(ibis.window(group_by=names.service_no)) == 1)
    rows = services.facts.inner_join(names, "name_no")
    lone, rows = rows.filter(rows.lone), rows.filter(~rows.lone)  # many services have one role, which says it all
    lone = lone.select("run_no", "slot_no", "probe_no", "crowded", name_no=lone.service_no, code=lone.code.cast("int8"))
    place = ibis.cases(*((rows.code == CODES[word], number) for number, word in enumerate(_SERVICE_ORDER)), else_=99)
    best = rows.mutate(place=place).group_by(["run_no", "service_no"]).agg(
        place=ibis._.place.min(), slot_no=ibis._.slot_no.min(), probe_no=ibis._.probe_no.min(),
        crowded=ibis._.crowded.any())
    code = ibis.cases(*((best.place == number, CODES[word]) for number, word in enumerate(_SERVICE_ORDER)), else_=99)
    best = best.select("run_no", "slot_no", "probe_no", "crowded", name_no=best.service_no, code=code.cast("int8"))
    return ibis.union(lone, best)


def count_service_cells(whole: ir.Table, services: CountedRows, blocked: ir.Table | None, failures: ir.Table | None,
                        runs: ir.Table) -> ir.Table:
    """The cells of services, from `combine_services`: one fails where it is blocked or open, and a role of it fails."""
    if blocked is not None:
        blocked = blocked.drop("name_no").rename(name_no="service_no")
    if failures is not None:
        failures = failures.group_by(["run_no", "service_no"]).agg(cause=failures.cause.max())
        not_ok = whole.filter(whole.code.isin([CODES["blocked"], CODES["inconclusive"]]))
        not_ok = not_ok.select("run_no", "slot_no", "name_no")
        failures = without_right(not_ok.inner_join(failures.rename(name_no="service_no"), ["run_no", "name_no"]))
    names = services.names.select("service", name_no=services.names.service_no).distinct()
    facts = whole
    if services.crowded:
        facts = count_once(whole)
        blocked, failures = (_of_counted(rows, whole, facts) for rows in (blocked, failures))
    return _finish(_tally(facts, blocked, _count_confirmed(facts, blocked), failures), names, runs, "service")


def count_once(facts: ir.Table) -> ir.Table:
    """The facts with one for each probe, name and hour, whatever the number of its runs: what most of them say, of
    equally many the first of CODES, so that who was served at times counts as served."""
    crowd = facts.filter(facts.crowded)
    same = [crowd[name] for name in (*CELL, "probe_no")]
    crowd = crowd.mutate(times=ibis._.count().over(ibis.window(group_by=[*same, crowd.code])))
    order = [crowd.code == CODES["not_attempted"], ibis.desc(crowd.times), crowd.code, crowd.run_no]
    crowd = crowd.mutate(turn=ibis.row_number().over(
        ibis.window(group_by=[crowd[name] for name in (*CELL, "probe_no")], order_by=order)))
    chosen = crowd.filter(crowd.turn == 0).select(*facts.columns)
    return ibis.union(facts.filter(~facts.crowded), chosen)


def _of_counted(rows: ir.Table | None, facts: ir.Table, counted: ir.Table) -> ir.Table | None:
    """The rows without those of facts that `count_once` passed over."""
    if rows is None:
        return None
    pairs = [table.filter(table.crowded).select("run_no", "name_no") for table in (facts, counted)]
    return rows.anti_join(pairs[0].anti_join(pairs[1], ["run_no", "name_no"]), ["run_no", "name_no"])


def day_folder(file: ir.StringValue) -> ir.StringValue:
    """`date=YYYY-MM-DD/-` out of the path of a file: the same for all files of a day."""
    return ibis.literal("date=").concat(day_of(file), "/-")


def day_of(file: ir.StringValue) -> ir.StringValue:
    """The day in the folder's name, the empty text where there is none."""
    return file.re_extract(_DAY_FOLDER, 1).fill_null("")


def day_number(file: ir.StringValue) -> ir.IntegerValue:
    """The day in the folder's name, in which every file is, as the number YYYYMMDD.

    DuckDB reads it once for many rows of a file, but not where NULL or a case has to be told apart, row by row.
    """
    return _number_day(file.re_extract(_DAY_FOLDER, 1))


def _number_day(day: ir.StringValue) -> ir.IntegerValue:
    return day.replace("-", "").try_cast("int32")


def without_right(joined: ir.Table) -> ir.Table:
    """A joined table without the columns that the left side has as well."""
    return joined.drop([name for name in joined.columns if name.endswith("_right")])


def as_count(condition: ir.Value) -> ir.IntegerValue:
    """1 where a condition holds, else 0: NULL counts as no, on every engine alike."""
    return condition.fill_null(False).cast("int64")


def _sum(condition: ir.Value) -> ir.IntegerScalar:
    """How often a condition holds."""
    return as_count(condition).sum()


def _size(rows: ir.Table) -> ir.IntegerScalar:
    """How many rows, as a signed number: `count` of ClickHouse is none, and cannot be added to one."""
    return _sum(rows.slot_no.notnull())


def _tally(facts: ir.Table, blocked: ir.Table | None, confirmed: ir.Table | None,
           failures: ir.Table | None) -> ir.Table:
    """Outcomes, witnesses, block types and failures by hour, network and name; `facts` has each probe once."""
    tried = facts.filter(facts.code != CODES["not_attempted"])
    counts = tried.group_by([*CELL, "code"]).agg(times=_size(tried))
    cells = counts.group_by(CELL).agg(
        **{word: ibis.cases((counts.code == CODES[word], counts.times), else_=0).sum() for word in _COUNTED},
        witnesses=counts.times.sum())
    none = {"confirmed": ibis.literal(0, "int64"), "block_type": ibis.literal("")}
    cells = _join(cells, confirmed) if confirmed is not None else cells.mutate(confirmed=none["confirmed"])
    cells = _join(cells, _commonest(blocked)) if blocked is not None else cells.mutate(block_type=none["block_type"])
    cells = _add_failures(cells, failures)
    return cells.mutate(
        n=cells.ok + cells.blocked + cells.down,
        confirmed=cells.confirmed.fill_null(0),
        block_type=ibis.cases((cells.blocked > 0, cells.block_type.fill_null("")), else_=""))


def _add_failures(cells: ir.Table, failures: ir.Table | None) -> ir.Table:
    """The cells with how much failed at each layer, and by what most of it did."""
    if failures is None:
        return cells.mutate(**dict.fromkeys(FAILED, ibis.literal(0, "int64")), failure_type=ibis.literal(""))
    top = failures.cause.re_extract(r"^([a-z0-9_]+)", 1)
    layer = ibis.cases((top.isin(["ip", "tcp"]), "tcp"), (top.isin(["dns", "tls", "http"]), top), else_="other")
    failed = failures.mutate(layer=layer)
    counts = failed.group_by(CELL).agg(**{
        name: _sum(failed.layer == layer) for name, layer in zip(FAILED, LAYERS, strict=True)})
    most = _commonest(failures.rename(block_type="cause")).rename(failure_type="block_type")
    cells = _join(_join(cells, counts), most)
    return cells.mutate(**{name: cells[name].fill_null(0) for name in FAILED},
                        failure_type=cells.failure_type.fill_null(""))


def _join(left: ir.Table, right: ir.Table) -> ir.Table:
    return without_right(left.left_join(right, CELL))


def _commonest(blocked: ir.Table) -> ir.Table:
    """The most frequent block type by hour, network and name; of equally frequent ones the first by name."""
    counts = blocked.group_by([*CELL, "block_type"]).agg(times=ibis._.count())
    place = ibis.row_number().over(
        ibis.window(group_by=CELL, order_by=[ibis.desc(counts.times), ibis.asc(counts.block_type)]))
    ranked = counts.mutate(place=place)
    return ranked.filter(ranked.place == 0).select(*CELL, "block_type")


def _count_confirmed(facts: ir.Table, blocked: ir.Table | None) -> ir.Table | None:
    """In how many of the runs that found a name blocked one of its targets was confirmed."""
    if blocked is None:
        return None
    sure = blocked.filter(blocked.confirmed).select("run_no", "name_no").distinct()
    both = facts.filter(facts.code == CODES["blocked"]).semi_join(sure, ["run_no", "name_no"])
    return both.group_by(CELL).agg(confirmed=_size(both))


def _finish(cells: ir.Table, names: ir.Table, runs: ir.Table, level: str) -> ir.Table:
    """The cells with words beside the numbers: those of COLUMNS but for the hellos, and NUMBERED_ORDER."""
    words = [name for name in ("target_id", "service", "role") if name in names.columns]
    cells = cells.inner_join(names.select("name_no", *words), "name_no")
    slots = runs.filter(runs.reason == "").select(
        "slot_no", "lab", "probe_cc", "probe_asn", "cell_start", "standing").distinct()
    cells = cells.inner_join(slots, "slot_no").mutate(level=ibis.literal(level))
    missing = {name: ibis.literal("") for name in ("role", "target_id") if name not in cells.columns}
    cells = cells.mutate(**missing)
    # DuckDB's sums have 128 bits, which take as long to sort and to hand over.
    return cells.select(*_COUNTED_COLUMNS, "slot_no", "name_no").cast(dict.fromkeys(_NUMBERS, "int32"))
