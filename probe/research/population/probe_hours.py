"""One row for each probe, target and hour: whether it failed, how, and beside what. Written as ibis expressions."""

from __future__ import annotations

from typing import Final

import ibis
import ibis.expr.types as ir

from probe.core.tables.basis_words import Basis
from probe.core.tables.evidence_words import Scope
from probe.core.tables.versions import TLS_LIBRARY
from probe.inference.populations.symptoms import ALERTED, CLIENTS_ALERTS, SYMPTOMS, UNSETTLED
from probe.research.cells import cell_expressions as cell
from probe.research.cells import row_quality
from probe.research.cells.cell_expressions import as_count, without_right
from probe.research.cells.row_quality import text
from probe.research.cells.run_standing import SplitNames, is_alone, set_aside

MORE_OF_RUNS = ("software_version", "catalogue_version", "openssl_version", "network_type", "tunnel", "vantage_doubt")
RUN = (*cell.RUN, *MORE_OF_RUNS)
VERDICT = ("run_id", "target_id", "service", "role", "outcome", "block_type", "basis", "suspected", "scope")
OBSERVATION = ("run_id", "target_id", "purpose", "operation", "failure", "tls_alert", "address", "resolver",
               "resolver_address")
CONTROL = ("run_id", "input", "control_id", "cc", "state", "tcp", "tls")
OPTIONAL = frozenset({
    *cell.OPTIONAL, *MORE_OF_RUNS, "basis", "suspected", "scope", "input", *OBSERVATION[1:], *CONTROL[1:]})
"""Columns that older files may lack; what counts for them is the empty text."""

STRUCK, SERVED, SICK, FAILED = 0, 1, 2, 3
"""States: it failed, while other services were served, or alone; it was served; it failed among much else; the run
said that the service is down."""
COLUMNS: Final = (
    "cc", "asn", "target_id", "service", "role", "hour", "probe", "instrument", "access", "state", "alone", "cause",
    "proven", "address_low", "address_high", "resolver", "fresh")
"""Of a probe-hour. `probe` is a number made of the probe's name alone, so that days can be counted apart; `fresh`:
nobody was known in the network that day, so all count."""
VANTAGE: Final = ("cc", "hour", "target_id", "service", "role", "control", "tcp", "tls", "address_low", "address_high",
                  "fresh")

_PROVEN: tuple[Basis, ...] = ("place", "time", "packets", "content")
_OWN: tuple[Scope, ...] = ("device", "lan")
"""What acts there is the volunteer's own."""
_REFUSALS = ("server.restricted", "server.forbidden", "server.rate_limited", "server.limit")
"""The service works, and chooses whom it serves."""
_WELL_SHARE = 2
"""A line is well where at least one in three of the other services was served."""
_KEY = ["slot_no", "probe_no"]
_RUN = ["run_id", "day_no"]
_NAMES = ("target_id", "service", "role")
_CAUSE = r"^[a-z0-9_]+(\.[a-z0-9_]+){0,3}\z"
_ALERT = r"^\d{1,3}\z"
_PLAIN = r"^[A-Za-z0-9._+:-]{1,64}\z"


def list_run_traits(raw: ir.Table) -> ir.Table:
    """What the runs file says of each run's place and program; `raw` has the columns of RUN.

    Runs behind a tunnel, or whose place is in doubt, are in it with `usable` 0.
    """
    told = raw.select(
        run_id=text(raw.run_id), usable=row_quality.has_sure_place(raw).cast("int8"), probe=text(raw.probe_id).hash(),
        instrument=_plain(text(raw.software_version)).concat(
            " ", _plain(text(raw.catalogue_version)), " ", _name_library(text(raw.openssl_version))),
        access=ibis.cases((text(raw.network_type).isin(["wired", "wifi", "mobile"]), text(raw.network_type)),
                          else_=""))
    return told.group_by("run_id").agg(usable=told.usable.min(), instrument=told.instrument.min(),
                                       access=told.access.min(), probe=told.probe.min())


def number_traits(traits: ir.Table) -> ir.Table:
    """Versions of the program, of its list and of the library that shapes its ClientHello, with kinds of access, and a
    number for each."""
    pairs = traits.select("instrument", "access").distinct()
    return pairs.mutate(trait=ibis.row_number().over(ibis.window(order_by=[pairs.instrument, pairs.access])))


def choose_runs(judged: ir.Table, traits: ir.Table, numbered: ir.Table) -> ir.Table:
    """The runs that count, and whose country and network are known, with the number of their traits; `judged` is from
    `judge_runs`. The rows of a run lie in the folder of its day, or say nothing."""
    usable = traits.filter(traits.usable == 1).drop("usable")
    known = judged.filter(judged.reason == "", judged.probe_cc != "ZZ", judged.probe_asn > 0)
    runs = known.inner_join(usable, "run_id")
    runs = without_right(without_right(runs).inner_join(numbered, ["instrument", "access"]))
    return runs.select("run_id", "day", "day_no", "slot_no", "probe_no", "trait", "probe", "probe_id", "probe_cc",
                       "probe_asn", "reason", cc="probe_cc", asn="probe_asn", hour=_hour(runs.cell_start))


def leave_out_fresh(chosen: ir.Table, names: SplitNames) -> ir.Table:
    """Those whose word counts, of runs from `choose_runs`, with `fresh`."""
    told = set_aside(chosen, names)
    told = told.filter(told.reason == "")
    return told.mutate(fresh=is_alone(told)).drop("probe_id", "probe_cc", "probe_asn", "reason", "standing")


def list_looks(raw: ir.Table) -> ir.Table:
    """Of each run and target: the addresses that were asked, the lowest and the highest, and the deepest symptom."""
    asked = raw.filter((text(raw.purpose) == "target") & (text(raw.target_id) != ""))
    address, step = _plain(text(asked.address)), (text(asked.operation), text(asked.failure))
    alert = text(asked.tls_alert)
    alerted = ((step[0] == "tls_handshake") & (step[1] != "") & alert.re_search(_ALERT)
               & ~alert.isin(list(map(str, CLIENTS_ALERTS))))
    symptom = ibis.cases(*(((step[0] == operation) & (step[1] == failure), cause)
                           for (operation, failure), cause in SYMPTOMS.items()), (alerted, ALERTED), else_="")
    found = asked.select(**_run_of(asked), target_id=text(asked.target_id), symptom=symptom,
                         low=address.nullif(""), high=address)
    return found.group_by([*_RUN, "target_id"]).agg(
        symptom=found.symptom.max(), address_low=found.low.min(), address_high=found.high.max())


def list_resolvers(raw: ir.Table) -> ir.Table:
    """Of each run the resolver that its network gave it."""
    asked = raw.filter((text(raw.resolver) == "network") & (text(raw.resolver_address) != ""))
    found = asked.select(**_run_of(asked), resolver=_plain(text(asked.resolver_address)))
    return found.group_by(_RUN).agg(resolver=found.resolver.min())


def make_facts(raw: ir.Table, runs: ir.Table, names: ir.Table, looks: ir.Table | None,
               resolvers: ir.Table | None) -> ir.Table:
    """The verdicts that say something, as numbers, with what their looks tell. Each control is a service of its own.

    `raw` has the columns of VERDICT, `runs` is from `leave_out_fresh`, `names` from `number_names`.
    """
    rows = raw.select(**{name: text(raw[name]) for name in VERDICT}, day_no=_day_no(raw))
    rows = rows.filter(rows.outcome.isin(list(row_quality.CODES)), rows.outcome != "not_attempted")
    rows = without_right(rows.inner_join(runs.select(*_RUN, "slot_no", "probe_no"), _RUN))
    rows = without_right(rows.inner_join(names.filter(names.name_reason == ""), list(_NAMES)))
    if looks is not None:
        rows = without_right(rows.left_join(looks, [*_RUN, "target_id"]))
    if resolvers is not None:
        rows = without_right(rows.left_join(resolvers, _RUN))
    lacking = {name: ibis.null("string") for name in ("symptom", "address_low", "address_high", "resolver")
               if name not in rows.columns}
    rows = rows.mutate(**lacking)
    served, blocked = rows.outcome == "ok", rows.outcome == "blocked"
    cause = _name_cause(rows)
    shown = blocked & rows.basis.isin(list(_PROVEN)) & ~rows.scope.isin(list(_OWN))
    down = (rows.outcome == "down") & ~rows.block_type.isin(list(_REFUSALS))
    part = ibis.cases((rows.role == "control", -1 - rows.name_no), else_=rows.service_no)
    return rows.select(
        *_KEY, "name_no", "address_low", "address_high", "resolver", service_no=part, cause=cause.nullif(""),
        proven=ibis.cases((shown, rows.block_type), else_=ibis.null("string")),
        is_served=as_count(served), is_down=as_count(down),
        is_ill=as_count(rows.outcome.isin(["blocked", "inconclusive", "network", "local"])))


def make_probe_hours(facts: ir.Table, runs: ir.Table, names: ir.Table, numbered: ir.Table) -> ir.Table:
    """The columns of COLUMNS; a probe that met both in one hour has no row of that hour. `numbered` is from
    `number_traits`."""
    services = facts.group_by([*_KEY, "service_no"]).agg(own_well=facts.is_served.max(), own_ill=facts.is_ill.max())
    line = services.group_by(_KEY).agg(
        well=services.own_well.sum(), ill=(services.own_ill * (1 - services.own_well)).sum())
    hours = facts.group_by([*_KEY, "name_no"]).agg(
        service_no=facts.service_no.min(), is_served=facts.is_served.max(), is_down=facts.is_down.max(),
        cause=facts.cause.max(), proven=facts.proven.max(), address_low=facts.address_low.min(),
        address_high=facts.address_high.max(), resolver=facts.resolver.max())
    hours = without_right(without_right(hours.inner_join(line, _KEY)).inner_join(services, [*_KEY, "service_no"]))
    hours = hours.mutate(others=hours.well - hours.own_well, failed=hours.ill - hours.own_ill * (1 - hours.own_well))
    sick = (hours.failed > 0) & (hours.failed > _WELL_SHARE * hours.others)
    state = ibis.cases(
        (as_count(hours.cause.notnull()) + hours.is_served + hours.is_down != 1, -1), (hours.is_served == 1, SERVED),
        (hours.is_down == 1, FAILED), (sick, SICK), else_=STRUCK)
    hours = hours.mutate(state=state, alone=hours.others + hours.failed == 0)
    hours = hours.filter(hours.state >= 0)
    places = runs.group_by(_KEY).agg(**{name: runs[name].min() for name in ("cc", "asn", "hour", "trait", "probe")},
                                        fresh=runs.fresh.any())
    hours = without_right(hours.inner_join(without_right(places.inner_join(numbered, "trait")), _KEY))
    hours = without_right(hours.inner_join(names.filter(names.role != "control"), "name_no"))
    plain = {name: ibis.cases((hours[name].re_search(_CAUSE), hours[name]), else_=ibis.null("string"))
             for name in ("cause", "proven")}
    hours = hours.mutate(**plain)
    return hours.filter((hours.state != STRUCK) | hours.cause.notnull()).select(*COLUMNS)


def list_vantages(controls: ir.Table, verdicts: ir.Table, runs: ir.Table, looks: ir.Table) -> ir.Table:
    """What controls in the country of a run said of targets that failed there below HTTP, at which addresses.

    The columns of VANTAGE; `tcp` and `tls` as they are stored. `controls` has the columns of CONTROL, `verdicts` those
    of VERDICT and `input`.
    """
    told = controls.filter(text(controls.state) == "answered")
    told = told.select(
        **_run_of(told), input=text(told.input), control=_plain(text(told.control_id)),
        control_cc=text(told.cc), tcp=told.tcp, tls=told.tls)
    told = without_right(told.inner_join(runs.select(*_RUN, "cc", "hour", "fresh"), _RUN))
    told = told.filter(told.control_cc == told.cc, told.control != "")
    rows = verdicts.select(**{name: text(verdicts[name]) for name in (*VERDICT, "input")}, day_no=_day_no(verdicts))
    rows = without_right(told.inner_join(rows, [*_RUN, "input"]))
    rows = without_right(rows.inner_join(looks, [*_RUN, "target_id"]))
    sound = row_quality.name_reason(*(rows[name] for name in _NAMES)) == ""
    failed = _name_cause(rows).re_search(r"^(ip|tcp|tls)(\.|\z)")
    return rows.filter(sound, failed).select(*VANTAGE)


def _name_cause(rows: ir.Table) -> ir.StringValue:
    """What a verdict says or suspects, else the symptom of one that lacked repetition or a control; empty: nothing."""
    unsettled = (rows.outcome == "inconclusive") & rows.block_type.isin(list(UNSETTLED))
    return ibis.cases(
        (rows.outcome == "blocked", rows.block_type), (rows.outcome == "ok", ""),
        (rows.suspected != "", rows.suspected), (unsettled, rows.symptom.fill_null("")), else_="")


def _run_of(rows: ir.Table) -> dict[str, ir.Value]:
    """Whose rows these are: the run, and the day in whose folder they lie."""
    return {"run_id": text(rows.run_id), "day_no": _day_no(rows)}


def _day_no(rows: ir.Table) -> ir.IntegerValue:
    return cell.day_number(cell.day_of(rows.file))


def _hour(moment: ir.TimestampValue) -> ir.IntegerValue:
    """Hours since 1970."""
    return (moment.epoch_seconds() / 3600).floor().cast("int64")


def _name_library(version: ir.StringValue) -> ir.StringValue:
    """Empty where it is not what a library states."""
    return ibis.cases((version.re_search(TLS_LIBRARY), version.re_extract(TLS_LIBRARY, 1)), else_="")


def _plain(words: ir.StringValue) -> ir.StringValue:
    """A text of others where it is a plain word, else the empty text."""
    return ibis.cases((words.re_search(_PLAIN), words), else_="")
