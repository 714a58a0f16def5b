"""One row for each probe, target and hour: whether it failed, how, and beside what. Written as ibis expressions."""

from __future__ import annotations

from typing import Final

import ibis
import ibis.expr.types as ir

from probe.core.tables.basis_words import Basis
from probe.inference.populations.symptoms import SYMPTOMS, UNSETTLED
from probe.research.cells import cell_expressions as cell
from probe.research.cells import row_quality
from probe.research.cells.row_quality import text

MORE_OF_RUNS = ("software_version", "catalogue_version", "network_type", "tunnel", "vantage_doubt")
RUN = (*cell.RUN, *MORE_OF_RUNS)
VERDICT = ("run_id", "target_id", "service", "role", "outcome", "block_type", "basis", "suspected")
OBSERVATION = ("run_id", "target_id", "purpose", "operation", "failure", "address", "resolver", "resolver_address")
OPTIONAL = frozenset({*cell.OPTIONAL, *MORE_OF_RUNS, "basis", "suspected", *OBSERVATION[1:]})
"""Columns that older files may lack; what counts for them is the empty text."""

STRUCK, SERVED, SICK, FAILED = 0, 1, 2, 3
"""States: it failed, while other services were served, or alone; it was served; it failed among much else; the run
said that the service is down."""
COLUMNS: Final = (
    "cc", "asn", "target_id", "service", "role", "hour", "probe", "state", "alone", "cause", "proven", "instrument",
    "access", "address_low", "address_high", "resolver")

_PROVEN: tuple[Basis, ...] = ("place", "time", "packets", "content")
_REFUSALS = ("server.restricted", "server.forbidden", "server.rate_limited", "server.limit")
"""The service works, and chooses whom it serves."""
_WELL_SHARE = 2
"""A line is well where at least one in three of the other services was served."""
_KEY = ["cc", "asn", "hour", "probe"]
_CAUSE = r"^[a-z0-9_]+(\.[a-z0-9_]+){0,3}\z"
_PLAIN = r"^[A-Za-z0-9._+:-]{1,64}\z"


def list_run_traits(raw: ir.Table) -> ir.Table:
    """What the runs file says of each run's place and program; `raw` has the columns of RUN.

    Runs behind a tunnel, or whose place is in doubt, are in it with `usable` false.
    """
    doubt = text(raw.vantage_doubt)
    usable = ((text(raw.tunnel) == "") & doubt.isin(["", "[]"]) & (text(raw.network_type) != "vpn"))
    told = raw.select(
        run_id=text(raw.run_id), usable=usable.cast("int8"),
        instrument=_plain(text(raw.software_version)).concat(" ", _plain(text(raw.catalogue_version))),
        access=ibis.cases((text(raw.network_type).isin(["wired", "wifi", "mobile"]), text(raw.network_type)),
                          else_=""))
    return told.group_by("run_id").agg(usable=told.usable.min(), instrument=told.instrument.min(),
                                       access=told.access.min())


def list_looks(raw: ir.Table) -> ir.Table:
    """Of each run and target: the addresses that were asked, the lowest and the highest, and the deepest symptom."""
    asked = raw.filter((text(raw.purpose) == "target") & (text(raw.target_id) != ""))
    address, step = _plain(text(asked.address)), (text(asked.operation), text(asked.failure))
    symptom = ibis.cases(*(((step[0] == operation) & (step[1] == failure), cause)
                           for (operation, failure), cause in SYMPTOMS.items()), else_="")
    found = asked.select(run_id=text(asked.run_id), target_id=text(asked.target_id), symptom=symptom,
                         low=address.nullif(""), high=address)
    return found.group_by(["run_id", "target_id"]).agg(
        symptom=found.symptom.max(), address_low=found.low.min(), address_high=found.high.max())


def list_resolvers(raw: ir.Table) -> ir.Table:
    """Of each run the resolver that its network gave it."""
    asked = raw.filter((text(raw.resolver) == "network") & (text(raw.resolver_address) != ""))
    found = asked.select(run_id=text(asked.run_id), resolver=_plain(text(asked.resolver_address)))
    return found.group_by("run_id").agg(resolver=found.resolver.min())


def make_facts(raw: ir.Table, runs: ir.Table, traits: ir.Table, looks: ir.Table | None,
               resolvers: ir.Table | None) -> ir.Table:
    """The verdicts that say something, of runs that count, with what their runs and looks tell.

    `raw` has the columns of VERDICT, `runs` is from `judge_runs`.
    """
    rows = raw.select(**{name: text(raw[name]) for name in VERDICT}).distinct()
    own = runs.filter(runs.reason == "").select("run_id", cc="probe_cc", asn="probe_asn", hour=_hour(runs.cell_start),
                                                probe="probe_no")
    rows = rows.inner_join(own, "run_id").inner_join(traits.filter(traits.usable == 1), "run_id")
    rows = rows.drop([name for name in rows.columns if name.endswith("_right")])
    if looks is not None:
        rows = _without_right(rows.left_join(looks, ["run_id", "target_id"]))
    if resolvers is not None:
        rows = _without_right(rows.left_join(resolvers, "run_id"))
    lacking = {name: ibis.literal("") for name in ("symptom", "address_low", "address_high", "resolver")
               if name not in rows.columns}
    rows = rows.mutate(**lacking)
    rows = rows.filter(row_quality.name_reason(rows.target_id, rows.service, rows.role) == "",
                       rows.outcome.isin(list(row_quality.CODES)), rows.outcome != "not_attempted")
    unsettled = (rows.outcome == "inconclusive") & rows.block_type.isin(list(UNSETTLED))
    cause = ibis.cases(
        (rows.outcome == "blocked", rows.block_type), (rows.suspected != "", rows.suspected),
        (unsettled, rows.symptom.fill_null("")), else_="")
    return rows.mutate(cause=ibis.cases((cause.re_search(_CAUSE), cause), else_=""))


def make_probe_hours(facts: ir.Table) -> ir.Table:
    """The columns of COLUMNS; a probe that met both in one hour has no row of that hour."""
    served = facts.outcome == "ok"
    down = (facts.outcome == "down") & ~facts.block_type.isin(list(_REFUSALS))
    told = facts.mutate(
        is_served=_bit(served), is_struck=_bit((facts.cause != "") & ~served), is_down=_bit(down),
        is_ill=_bit(facts.outcome.isin(["blocked", "inconclusive", "network", "local"])),
        shown=ibis.cases(((facts.outcome == "blocked") & facts.basis.isin(list(_PROVEN)), facts.cause), else_=""))
    services = told.group_by([*_KEY, "service"]).agg(well=told.is_served.max(), ill=told.is_ill.max())
    line = services.group_by(_KEY).agg(
        well=services.well.sum(), ill=(services.ill * (1 - services.well)).sum())
    own = services.rename(own_well="well", own_ill="ill")
    hours = told.filter(told.role != "control").group_by([*_KEY, "target_id", "service", "role"]).agg(
        is_served=told.is_served.max(), is_struck=told.is_struck.max(), is_down=told.is_down.max(),
        cause=told.cause.max(), proven=told.shown.max(), instrument=told.instrument.max(), access=told.access.max(),
        address_low=told.address_low.min(), address_high=told.address_high.max(), resolver=told.resolver.max())
    hours = _without_right(_without_right(hours.inner_join(line, _KEY)).inner_join(own, [*_KEY, "service"]))
    hours = hours.mutate(others=hours.well - hours.own_well, failed=hours.ill - hours.own_ill * (1 - hours.own_well))
    sick = (hours.failed > 0) & (hours.failed > _WELL_SHARE * hours.others)
    state = ibis.cases(
        (hours.is_struck + hours.is_served + hours.is_down != 1, -1), (hours.is_served == 1, SERVED),
        (hours.is_down == 1, FAILED), (sick, SICK), else_=STRUCK)
    hours = hours.mutate(state=state, alone=hours.others + hours.failed == 0,
                         **{name: hours[name].fill_null("") for name in ("address_low", "address_high", "resolver")})
    return hours.filter(hours.state >= 0).select(*COLUMNS)


def _bit(condition: ir.BooleanValue) -> ir.IntegerValue:
    return condition.fill_null(False).cast("int64")


def _hour(moment: ir.TimestampValue) -> ir.IntegerValue:
    """Hours since 1970."""
    return (moment.epoch_seconds() / 3600).floor().cast("int64")


def _plain(words: ir.StringValue) -> ir.StringValue:
    """A text of others where it is a plain word, else the empty text."""
    return ibis.cases((words.re_search(_PLAIN), words), else_="")


def _without_right(rows: ir.Table) -> ir.Table:
    return rows.drop([name for name in rows.columns if name.endswith("_right")])
