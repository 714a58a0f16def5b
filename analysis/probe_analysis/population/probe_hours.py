"""What runs, verdicts and observations say of a probe's hours, before they are put together in `hour_rows.py`. Written
as ibis expressions."""

from __future__ import annotations

from typing import Final

import ibis
import ibis.expr.types as ir

from probe.core.tables.versions import TLS_LIBRARY
from probe_analysis.cells import cell_expressions as cell
from probe_analysis.cells import row_quality
from probe_analysis.cells.cell_expressions import without_right
from probe_analysis.cells.row_quality import text
from probe_analysis.cells.run_standing import SplitNames, is_alone, set_aside
from probe_analysis.populations.symptoms import ALERTED, CLIENTS_ALERTS, SYMPTOMS, UNSETTLED

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
VANTAGE: Final = ("cc", "hour", "target_id", "service", "role", "control", "tcp", "tls", "address_low", "address_high",
                  "fresh")

RUN_KEY: Final = ["run_id", "day_no"]
_NAMES = ("target_id", "service", "role")
_ALERT = r"^\d{1,3}\z"
_PLAIN = r"^[A-Za-z0-9._+:-]{1,64}\z"


def list_run_traits(raw: ir.Table) -> ir.Table:
    """What the runs file says of each run's place and program; `raw` has the columns of RUN.

    Runs behind a tunnel, or whose place is in doubt, are in it with `usable` 0.
    """
    traits = raw.select(
        run_id=text(raw.run_id), usable=row_quality.has_sure_place(raw).cast("int8"), probe=text(raw.probe_id).hash(),
        instrument=_plain(text(raw.software_version)).concat(
            " ", _plain(text(raw.catalogue_version)), " ", _name_library(text(raw.openssl_version))),
        access=ibis.cases((text(raw.network_type).isin(["wired", "wifi", "mobile"]), text(raw.network_type)),
                          else_=""))
    return traits.group_by("run_id").agg(usable=traits.usable.min(), instrument=traits.instrument.min(),
                                         access=traits.access.min(), probe=traits.probe.min())


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
    counted = set_aside(chosen, names)
    counted = counted.filter(counted.reason == "")
    return counted.mutate(fresh=is_alone(counted)).drop("probe_id", "probe_cc", "probe_asn", "reason", "standing")


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
    return found.group_by([*RUN_KEY, "target_id"]).agg(
        symptom=found.symptom.max(), address_low=found.low.min(), address_high=found.high.max())


def list_resolvers(raw: ir.Table) -> ir.Table:
    """Of each run the resolver that its network gave it."""
    asked = raw.filter((text(raw.resolver) == "network") & (text(raw.resolver_address) != ""))
    found = asked.select(**_run_of(asked), resolver=_plain(text(asked.resolver_address)))
    return found.group_by(RUN_KEY).agg(resolver=found.resolver.min())


def list_vantages(controls: ir.Table, verdicts: ir.Table, runs: ir.Table, looks: ir.Table) -> ir.Table:
    """What controls in the country of a run said of targets that failed there below HTTP, at which addresses.

    The columns of VANTAGE; `tcp` and `tls` as they are stored. `controls` has the columns of CONTROL, `verdicts` those
    of VERDICT and `input`.
    """
    answers = controls.filter(text(controls.state) == "answered")
    answers = answers.select(
        **_run_of(answers), input=text(answers.input), control=_plain(text(answers.control_id)),
        control_cc=text(answers.cc), tcp=answers.tcp, tls=answers.tls)
    answers = without_right(answers.inner_join(runs.select(*RUN_KEY, "cc", "hour", "fresh"), RUN_KEY))
    answers = answers.filter(answers.control_cc == answers.cc, answers.control != "")
    rows = verdicts.select(**{name: text(verdicts[name]) for name in (*VERDICT, "input")},
                           day_no=cell.day_number(verdicts.file))
    rows = without_right(answers.inner_join(rows, [*RUN_KEY, "input"]))
    rows = without_right(rows.inner_join(looks, [*RUN_KEY, "target_id"]))
    sound = row_quality.name_reason(*(rows[name] for name in _NAMES)) == ""
    failed = name_cause(rows).re_search(r"^(ip|tcp|tls)(\.|\z)")
    return rows.filter(sound, failed).select(*VANTAGE)


def name_cause(rows: ir.Table) -> ir.StringValue:
    """What a verdict says or suspects, else the symptom of one that lacked repetition or a control; empty: nothing."""
    unsettled = (rows.outcome == "inconclusive") & rows.block_type.isin(list(UNSETTLED))
    return ibis.cases(
        (rows.outcome == "blocked", rows.block_type), (rows.outcome == "ok", ""),
        (rows.suspected != "", rows.suspected), (unsettled, rows.symptom.fill_null("")), else_="")


def _run_of(rows: ir.Table) -> dict[str, ir.Value]:
    """Whose rows these are: the run, and the day in whose folder they lie."""
    return {"run_id": text(rows.run_id), "day_no": cell.day_number(rows.file)}


def _hour(moment: ir.TimestampValue) -> ir.IntegerValue:
    """Hours since 1970."""
    return (moment.epoch_seconds() / 3600).floor().cast("int64")


def _name_library(version: ir.StringValue) -> ir.StringValue:
    """Empty where it is not what a library states."""
    return ibis.cases((version.re_search(TLS_LIBRARY), version.re_extract(TLS_LIBRARY, 1)), else_="")


def _plain(words: ir.StringValue) -> ir.StringValue:
    """A text of others where it is a plain word, else the empty text."""
    return ibis.cases((words.re_search(_PLAIN), words), else_="")
