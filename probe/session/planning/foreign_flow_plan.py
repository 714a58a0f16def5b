"""Transfers under a site's name at helpers whose operators agreed, in turns with innocent ones of the same bytes.

They are due where they would decide: where the site's own transfers look slowed or frozen, and its own front may be the
cause. Last of all, as other foreign names (`probe.session.planning.foreign_plan`), for the same servers and of the same
number of names. As soon as one of them shows that nothing can be shown, no helper is asked any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from probe.catalogue.sites import Site
from probe.core.helper_bytes import QUERY
from probe.core.observations import Observation
from probe.core.tables.evidence_words import SPEAKING
from probe.instruments.steps import Step, Transfer
from probe.judge.common.rule import decide
from probe.judge.common.visit_outcomes import NETWORK_PURPOSES
from probe.judge.flow.foreign_flows import (
    AT_HELPERS,
    TURNS,
    UNASKED,
    ForeignFlows,
    gather_foreign_flows,
    group_by_helper,
    may_be_struck,
)
from probe.judge.flow.loss_evidence import TURN
from probe.judge.flow.record_evidence import RECORDS
from probe.judge.flow.transfer_evidence import SAMPLE
from probe.judge.path.path_context import PathContext
from probe.judge.path.path_evidence import PathEvidence, gather_path_evidence
from probe.judge.path.path_rules import PATH_TABLE
from probe.judge.verdicts.site_case import SiteCase
from probe.judge.verdicts.site_loss import add_loss, gather_site_losses
from probe.session.planning.foreign_plan import WELL, fits_site
from probe.session.planning.plan_context import PlanContext, SiteHistory

_STRUCK = (ForeignFlows(word="helpers", strikes=("slowed",)), ForeignFlows(word="helpers", strikes=("frozen",)))
"""What helpers might show."""
_TELLING = (SAMPLE, TURN, RECORDS)
"""Looks without which no rule over transfers holds."""


def plan_foreign_flows(site: Site, history: SiteHistory, context: PlanContext) -> list[Step]:
    """At each helper the transfer that is due next; nothing where it would not decide."""
    helpers = context.agreed_helpers
    if not (helpers and context.names_due and context.transfers and site.sni and site.kind in SPEAKING):
        return []
    met = {o.address for o in history.visits}
    asked = group_by_helper(history.flows, met)
    known = gather_foreign_flows(site, history.flows, met)
    if known.word or not all(may_be_struck(site, there) for there in asked.values()):
        return []
    fitting = all(fits_site(helper, met, site, context) for helper in helpers)
    if not fitting or not _would_decide(site, history, context):
        return []
    return [_transfer(site, helper, asked.get(helper, ()), context) for helper in helpers
            if len(asked.get(helper, ())) < len(TURNS)]


def _transfer(site: Site, helper: tuple[str, int], there: Sequence[Observation], context: PlanContext) -> Transfer:
    """For the sake of the site's first endpoint. A helper's certificate fits no such name, and need not."""
    first, name = site.endpoints[0], site.sni if TURNS[len(there)] else context.innocent
    return Transfer(purpose=AT_HELPERS, address=helper[0], port=helper[1], sni=name, url=f"https://{name}/?{QUERY}",
                    input=first.input, attempt=len(there) + 1, once=True)


def _would_decide(site: Site, history: SiteHistory, context: PlanContext) -> bool:
    """Whether helpers that show the same would show a block, and nothing else does."""
    if not any(o.purpose in _TELLING for o in (*history.flows, *history.turns)):
        return False
    paths = _gather_paths(site, history, context)
    return any(_decides(path, UNASKED) != "blocked" and any(_decides(path, flows) == "blocked" for flows in _STRUCK)
               for path in paths)


def _gather_paths(site: Site, history: SiteHistory, context: PlanContext) -> list[PathEvidence]:
    case = SiteCase(site=site, visits=history.visits, around=history.around, controls=history.controls,
                    turns=history.turns)
    losses = gather_site_losses([case])
    addresses = dict.fromkeys(o.address for o in history.visits if o.purpose in NETWORK_PURPOSES and o.address)
    return [add_loss(gather_path_evidence(site, endpoint, address, visits=history.visits, around=history.around,
                                          controls=history.controls, traces=history.traces, flows=history.flows,
                                          nat64_prefix=context.nat64_prefix), case, losses)
            for endpoint in site.endpoints for address in addresses]


def _decides(path: PathEvidence, flows: ForeignFlows) -> str:
    known = replace(path, lasting=replace(path.lasting, foreign=flows))
    return decide(PATH_TABLE, PathContext(path=known, ladder=WELL)).rule.outcome
