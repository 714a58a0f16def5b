"""The order of a run: its rounds, the steps that a site is due, and who goes first of those that wait.

Nothing else in the program says what goes before what. The planner (`next_steps`) reads STEPS, and the run loop
(`probe.session.run_loop`) ROUNDS and TURNS; the documents draw their table and diagram from here. How a row finds what
is due is in the module that its `plan` names; where the steps of one row follow each other, that module says how.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from probe.session.planning import address_plan, datagram_plan, step_costs
from probe.session.planning.control_plan import plan_control_questions
from probe.session.planning.flow_plan import plan_transfers
from probe.session.planning.flow_suspects import CONSENT as TRANSFERS_LEVEL
from probe.session.planning.foreign_flow_plan import plan_foreign_flows
from probe.session.planning.foreign_plan import ELSEWHERE_LEVEL
from probe.session.planning.locate_plan import plan_hop_searches
from probe.session.planning.loss_plan import plan_loss_turns
from probe.session.planning.name_plan import plan_further_lookups, plan_plain_lookups
from probe.session.planning.order_rows import Need, Round, StepRow
from probe.session.planning.program_plan import is_late_turn, plan_program_before, plan_program_turns
from probe.session.planning.queue_turns import TurnName
from probe.session.planning.record_plan import CONSENT as RECORDS_LEVEL
from probe.session.planning.record_plan import plan_records
from probe.session.planning.redirects import plan_redirects
from probe.session.planning.residual_plan import plan_residual_steps
from probe.session.planning.round_looks import (
    ask_helpers_for_names,
    look_at_flows,
    look_at_loss,
    look_at_shapes,
    look_at_slow_pages,
    look_at_small_pages,
)
from probe.session.planning.route_plan import plan_route_traces
from probe.session.planning.shape_plan import plan_name_elsewhere, plan_shapes
from probe.session.planning.slot_plan import plan_later_visits
from probe.session.planning.stay_plan import plan_stays

_LEVEL = f" (consent level {TRANSFERS_LEVEL})"
ROUNDS: tuple[Round, ...] = (
    Round(name="visits", does="every site is planned, in an order that is drawn", by_lot=True, waits_for_slots=False),
    Round(name="shapes", does="others are asked in a program's shape that is struck at some site",
          look=look_at_shapes, waits_for_slots=False, opens_early=is_late_turn),
    Round(name="loss", does="services whose connections lose packets are tried in turns with others",
          look=look_at_loss),
    Round(name="slow_pages", does="pages that took long beside those of others are asked for again",
          look=look_at_slow_pages,
          needs=lambda context: context.consent_level < TRANSFERS_LEVEL or not context.transfers),
    Round(name="glances", does="one transfer each from sites with small pages" + _LEVEL,
          look=look_at_small_pages, needs=lambda context: context.transfers and (
              context.consent_level >= TRANSFERS_LEVEL) and (context.share is None or context.share.glances)),
    Round(name="flows", does="transfers from sites whose flow looks odd" + _LEVEL, look=look_at_flows,
          needs=lambda context: context.transfers and context.consent_level >= TRANSFERS_LEVEL),
    Round(name="names", does="helpers are asked for forbidden names, last: this may cut us off from them",
          look=ask_helpers_for_names, by_lot=True, needs=lambda context: bool(context.agreed_helpers)),
)
"""Each begins when nothing that those before it made due is left to do."""

TURNS: Mapping[TurnName, str] = MappingProxyType({
    "innocent": "innocent names, since a forbidden one may spoil the address; whether QUIC is spoken",
    "first": "a site's own first try at once after: the less time between, the less can happen",
    "question": "questions for names",
    "again": "further tries",
    "other": "all else",
    "spoiling": "what may spoil an address, after all that is to be measured there",
})
"""Classes of waiting steps; those of one start before those of the next, as far as they may start by then."""

_ANSWER = Need(words="the network's own answer for the name", holds=lambda view: view.has_answer)
_FAILURE = Need(words="the last try failed here", holds=lambda view: bool(view.failing) and not (
    view.is_hopeless or view.is_settled))
_SUCCESS = Need(words="the last try went well here, as deep as the site is used",
                holds=lambda view: view.depth == "all" and not view.failing)
_WORDS = Need(words="more than a connection is due", holds=lambda view: view.depth != "connect")
_UNANSWERED = Need(words="the last try failed here", holds=datagram_plan.is_unanswered)
_SEARCH = Need(words="the consent level for searches, and the site's turn", holds=lambda view: (
    view.context.consent_level >= view.context.search_level and view.context.may_search))


def _level(level: int) -> Need:
    return Need(words=f"consent level {level}", holds=lambda view: view.context.consent_level >= level)


STEPS: tuple[StepRow, ...] = (
    StepRow(name="plain_lookups", does="ask the network, and a public resolver in the clear, for the name",
            place="site", plan=lambda v: plan_plain_lookups(v.site, v.context) if v.site.has_name else [], needs=(),
            cost=step_costs.PLAIN_LOOKUPS),
    StepRow(name="further_lookups", does="ask trusted resolvers, and whose a false answer or a denial is",
            place="site", needs=(_ANSWER,), cost=step_costs.FURTHER_LOOKUPS,
            plan=lambda v: plan_further_lookups(v.site, v.history, v.context, v.evidence) if v.site.has_name else []),

    StepRow(name="innocent_name", does="an innocent name at the site's address", place="address", needs=(),
            plan=address_plan.plan_innocent_name, cost=step_costs.INNOCENT_NAME),
    StepRow(name="program_first", does="a program's ClientHello before the probe's own, by lot", place="address",
            needs=(), follows="innocent_name", cost=step_costs.PROGRAM_FIRST, plan=lambda v: [] if v.mine else (
                plan_program_before(v.site, v.address, v.source, v.depth, v.history, v.context))),
    StepRow(name="first_visit", does="the site itself", place="address", needs=(), follows="program_first",
            plan=address_plan.plan_first_visit, cost=step_costs.FIRST_VISIT),
    StepRow(name="deeper_visit", does="the whole of it, where only a part was tried and went well", place="address",
            needs=(), follows="first_visit", plan=address_plan.plan_deeper_visit, cost=step_costs.DEEPER_VISIT),
    StepRow(name="other_bytes", does="bytes that are no TLS, where no ClientHello is acknowledged", place="address",
            needs=(_FAILURE,), follows="deeper_visit", plan=address_plan.plan_bytes_between,
            cost=step_costs.OTHER_BYTES),
    StepRow(name="another_try", does="the site again on a fresh connection", place="address", needs=(_FAILURE,),
            follows="other_bytes", plan=address_plan.plan_another_try, cost=step_costs.ANOTHER_TRY),
    StepRow(name="other_shapes", does="ClientHellos that are built in other ways", place="address", needs=(_FAILURE,),
            follows="another_try", cost=step_costs.OTHER_SHAPES,
            plan=lambda v: plan_shapes(v.site, v.address, v.source, v.history, v.context)),
    StepRow(name="later_slots", does="an innocent name and the site in later time slots", place="address",
            needs=(_FAILURE,), follows="other_shapes", cost=step_costs.LATER_SLOTS,
            plan=lambda v: plan_later_visits(v.site, v.address, v.source, v.mine, v.history, v.context,
                                             inputs=v.failing, depth=v.depth)),
    StepRow(name="residual", does="how long an address is blocked after a forbidden name", place="address",
            needs=(_FAILURE,), follows="other_shapes", cost=step_costs.RESIDUAL,
            plan=lambda v: plan_residual_steps(v.site, v.address, v.history, v.context)),
    StepRow(name="foreign_names", does="the name at a server whose operator agreed, or at helpers", place="address",
            needs=(_FAILURE, _level(ELSEWHERE_LEVEL)), follows="another_try", cost=step_costs.FOREIGN_NAMES,
            plan=lambda v: plan_name_elsewhere(v.site, v.address, v.history, v.context)),
    StepRow(name="planned_try", does="a small try of a core service that is made whatever those before it met",
            place="address", needs=(_SUCCESS,), follows="deeper_visit", plan=address_plan.plan_planned_try,
            cost=step_costs.PLANNED_TRY),
    StepRow(name="try_after_failure", does="the site again, where another connection under its name failed since",
            place="address", needs=(_SUCCESS,), follows="deeper_visit", plan=address_plan.plan_try_after_failure,
            cost=step_costs.DEEPER_VISIT),
    StepRow(name="slow_again", does="a page that took long beside those of others, twice more", place="address",
            needs=(_SUCCESS,), follows="deeper_visit", since="slow_pages", plan=address_plan.plan_slow_again,
            cost=step_costs.SLOW_AGAIN),
    StepRow(name="identity", does="whose certificate an address shows that trusted resolvers do not give",
            place="address", needs=(), follows="deeper_visit", plan=address_plan.plan_identity,
            cost=step_costs.OTHER_PORT),
    StepRow(name="other_port", does="another port of an address that does not connect", place="address", needs=(),
            follows="deeper_visit", plan=address_plan.plan_other_port, cost=step_costs.OTHER_PORT),
    StepRow(name="traces", does="how far SYN packets get", place="address", needs=(), follows="deeper_visit",
            plan=address_plan.plan_traces, cost=step_costs.TRACES),

    StepRow(name="version", does="a version of QUIC that does not exist", place="datagrams", needs=(_WORDS,),
            plan=datagram_plan.plan_version, cost=step_costs.VERSION),
    StepRow(name="innocent_handshake", does="QUIC with an innocent name", place="datagrams", needs=(_WORDS,),
            follows="version", plan=datagram_plan.plan_innocent_handshake, cost=step_costs.HANDSHAKES),
    StepRow(name="datagram_tries", does="the site itself, and again while it fails", place="datagrams",
            needs=(_WORDS,), follows="innocent_handshake", plan=datagram_plan.plan_datagram_tries,
            cost=step_costs.DATAGRAM_TRIES),
    StepRow(name="version_again", does="is the version still answered?", place="datagrams",
            needs=(_WORDS, _UNANSWERED), follows="datagram_tries", plan=datagram_plan.plan_version_again,
            cost=step_costs.VERSION),
    StepRow(name="datagram_turns", does="QUIC with an innocent name, then with the target's", place="datagrams",
            needs=(_WORDS, _UNANSWERED), follows="version_again", plan=datagram_plan.plan_datagram_turns,
            cost=step_costs.DATAGRAM_TURNS),
    StepRow(name="datagram_traces", does="how far UDP datagrams get", place="datagrams", needs=(_WORDS, _UNANSWERED),
            follows="datagram_turns", plan=datagram_plan.plan_datagram_traces, cost=step_costs.DATAGRAM_TRACES),

    StepRow(name="programs", does="ClientHellos as people's programs send them", place="site", needs=(_ANSWER,),
            plan=lambda v: plan_program_turns(v.site, v.history, v.context), cost=step_costs.PROGRAMS),
    StepRow(name="controls", does="ask controls (measurements from elsewhere) about what failed", place="site",
            needs=(_ANSWER,), cost=step_costs.CONTROLS, plan=lambda v: plan_control_questions(
                v.site, v.history, v.context, v.evidence, tuple(address for address, _ in v.places))),
    StepRow(name="redirects", does="follow redirects that were served in the clear", place="site", needs=(_ANSWER,),
            plan=lambda v: plan_redirects(v.history), cost=step_costs.REDIRECTS),
    StepRow(name="transfers", does="transfers that test for slowing", place="site", needs=(_ANSWER,), since="glances",
            plan=lambda v: plan_transfers(v.site, v.history, v.context), cost=step_costs.TRANSFERS),
    StepRow(name="route_traces", does="which way leads to where connections end too soon", place="site",
            needs=(_ANSWER,), plan=lambda v: plan_route_traces(v.site, v.history, v.context),
            cost=step_costs.ROUTE_TRACES),
    StepRow(name="stays", does="keep a connection for a while", place="site", needs=(_ANSWER,), cost=step_costs.STAYS,
            plan=lambda v: plan_stays(v.site, v.history, v.context)),
    StepRow(name="records", does="many tiny packets (small TLS records)", place="site",
            needs=(_ANSWER, _level(RECORDS_LEVEL)), cost=step_costs.RECORDS,
            plan=lambda v: plan_records(v.site, v.history, v.context)),
    StepRow(name="loss_turns", does="small exchanges in turns with others'", place="site", needs=(_ANSWER,),
            since="loss", plan=lambda v: plan_loss_turns(v.site, v.context), cost=step_costs.LOSS_TURNS),
    StepRow(name="foreign_flows", does="transfers under the name at helpers, in turns with an innocent one's",
            place="site", needs=(_ANSWER, _level(ELSEWHERE_LEVEL)), since="names", cost=step_costs.FOREIGN_FLOWS,
            plan=lambda v: plan_foreign_flows(v.site, v.history, v.context)),
    StepRow(name="hop_searches", does="the router at which a block happens", place="site", needs=(_ANSWER, _SEARCH),
            plan=lambda v: plan_hop_searches(v.site, v.history, v.context, v.evidence), cost=step_costs.HOP_SEARCHES),
)
"""What a site can be due, in the order in which it is looked at. Steps that were taken stay due, so what follows them
is held up only until they have been answered."""
