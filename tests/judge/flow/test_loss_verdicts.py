"""What loss, shares of failure and late ends come to: suspicions alone, accusations in company, a less sure `ok`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from observations import BEYOND4, ELSEWHERE, HERE4, NEAR4, WELL, change_path, endpoint, replace_flat, site_of, visit_to
from probe.catalogue.owners import ServiceAt
from probe.core.endpoints import Endpoint
from probe.core.observations import Observation
from probe.core.tables.evidence_words import FlowStrike
from probe.core.tables.words import Empty
from probe.judge.common.company import CompanyEvidence
from probe.judge.common.planned_looks import PlannedLooks
from probe.judge.common.rule import decide
from probe.judge.flow.loss_evidence import LossEvidence
from probe.judge.flow.stay_evidence import StayEvidence
from probe.judge.network.ladder_evidence import LadderEvidence
from probe.judge.path.path_context import PathContext
from probe.judge.path.path_evidence import PathEvidence
from probe.judge.path.path_rules import PATH_TABLE
from probe.judge.path.strikes import StrikeContext, read_path_strike
from probe.judge.program.program_evidence import ProgramEvidence
from probe.judge.verdicts.confidence import OF_DOUBTFUL, limit_ok
from probe.judge.verdicts.rule_verdict import make_path_verdict
from probe.judge.verdicts.site_case import SiteCase
from probe.judge.verdicts.site_loss import add_loss, gather_site_losses
from recorded_losses import LOSSES, kept, losing, recorded

ENDPOINT: Endpoint = endpoint()
COMPANY = CompanyEvidence(owners=("line", "meta", "telegram"))
SICK = LadderEvidence()
"""Of a network of which nothing is known to work."""
ACCUSING = {rule: seen for rule, seen in LOSSES.items() if rule not in (
    "flow/does_not_last", "flow/never_lasts", "flow/small_records_unanswered")}
BY_COMPANY = ("tcp/degraded_by_name", "flow/cut_later", "flow/silenced_later", "flow/frozen_by_small_records")


@pytest.mark.parametrize("rule", ACCUSING)
def test_alone_it_is_a_suspicion(rule: str) -> None:
    verdict = make_path_verdict(ENDPOINT, decide(PATH_TABLE, ACCUSING[rule]))
    assert (verdict.outcome, verdict.block_type) == ("inconclusive", "inconclusive.unplaced")
    assert verdict.rules[1] == rule
    assert verdict.suspected


@pytest.mark.parametrize("rule", ACCUSING)
def test_in_company_what_a_lossy_link_cannot_cause_is_accused(rule: str) -> None:
    seen = ACCUSING[rule]
    decision = decide(PATH_TABLE, replace(seen, path=replace(seen.path, company=COMPANY)))
    assert (decision.rule.outcome == "blocked") == (rule in BY_COMPANY)


@pytest.mark.parametrize("seen", [
    replace(losing(by_name=True), ladder=SICK),
    replace(losing(by_name=True), self_block=True),
    replace(kept(asked=3, made=3, ended=3, outlived=3), self_block=True),
    replace(recorded(made=3, silent=3, froze_at=(24,) * 3, passed_beside=2), ladder=SICK),
    replace(recorded(made=3, silent=3, froze_at=(24,) * 3, passed_beside=2), self_block=True),
], ids=["the network", "an operator that refuses places", "an operator that ends what it refuses",
        "a network where small records are lost", "an operator that freezes what it refuses"])
def test_what_else_explains_it_suspects_nobody(seen: PathContext) -> None:
    assert not decide(PATH_TABLE, seen).suspected


def test_an_address_of_the_service_that_loses_nothing_itself_is_not_suspected() -> None:
    seen = losing(by_address=True)
    spared = replace(seen, path=change_path(seen.path, loss=replace(seen.path.lasting.loss, own_lossy=False)))
    assert decide(PATH_TABLE, spared).rule.outcome == "ok"


@pytest.mark.parametrize(("loss", "stay", "word"), [
    (LossEvidence(own_lossy=True, by_name=True), StayEvidence(), "lossy"),
    (LossEvidence(own_lossy=True, by_address=True), StayEvidence(), ""),
    (LossEvidence(by_name=True), StayEvidence(), ""),
    (LossEvidence(), StayEvidence(made=3, ended=3, outlived=2), "cut"),
    (LossEvidence(), StayEvidence(made=3, silent=3, outlived=2), "frozen"),
    (LossEvidence(), StayEvidence(made=3, ended=3, outlived=2, beside_alike=1), ""),
])
def test_only_what_names_a_service_keeps_company(loss: LossEvidence, stay: StayEvidence,
                                                 word: FlowStrike | Empty) -> None:
    path = change_path(losing().path, loss=loss, stay=stay)
    strike = read_path_strike(path, ServiceAt(service="telegram"), StrikeContext(ladder=WELL))
    assert (strike.way.failure if strike else "") == word


# ---- how sure ok is

@pytest.mark.parametrize(("looks", "sure"), [
    (PlannedLooks(), 1.0),
    (PlannedLooks(made=1), 0.66),
    (PlannedLooks(made=2), 0.75),
    (PlannedLooks(made=3, span_s=40.0), 0.83),
    (PlannedLooks(made=3, span_s=70.0, shapes=1), 0.87),
    (PlannedLooks(made=9, failed=1), OF_DOUBTFUL),
])
def test_ok_is_as_sure_as_the_looks_behind_it(looks: PlannedLooks, sure: float) -> None:
    path = change_path(losing().path, planned=looks, loss=LossEvidence())
    assert limit_ok("ok", path) == sure
    assert limit_ok("blocked", path) == 1.0


@pytest.mark.parametrize("doubt", [
    losing().path, kept(asked=1, made=1, ended=1).path, recorded(made=3, silent=1).path,
    change_path(losing().path, loss=LossEvidence(), programs=ProgramEvidence(unasked=("safari",))),
], ids=["its connections lose what others do not", "its connections do not last", "small records were lost once",
        "it was not asked in a shape that is struck elsewhere"])
def test_what_is_doubtful_is_never_surely_ok(doubt: PathEvidence) -> None:
    assert limit_ok("ok", replace(doubt, planned=PlannedLooks(made=50))) == OF_DOUBTFUL


# ---- from a run's cases

def case_of(service: str, address: str, retransmits: int) -> SiteCase:
    """A service with eight connections to one address, of which each lost so many segments."""
    site = site_of(endpoint(f"https://{service}.example/", service=service))
    rows: list[Observation] = [
        replace(replace_flat(visit_to(address, attempt=n)[-1], segments_out=9, delivered=5, retransmits=retransmits),
                observation_id=f"{service}.{n}") for n in range(8)]
    return SiteCase(site=site, visits=tuple(rows))


def test_loss_of_one_service_is_told_to_its_paths_alone() -> None:
    struck, spared = case_of("telegram", HERE4, 3), case_of("signal", ELSEWHERE, 0)
    losses = gather_site_losses([struck, spared])
    path = change_path(losing().path, loss=LossEvidence(), address=HERE4)
    assert add_loss(path, struck, losses).lasting.loss.own_lossy
    assert add_loss(path, struck, losses).lasting.loss.ordinary.stands_out
    assert add_loss(replace(path, address=ELSEWHERE), spared, losses).lasting.loss == LossEvidence()


def test_an_address_that_mostly_loses_is_in_doubt_unless_the_line_loses_too() -> None:
    struck, others = case_of("telegram", HERE4, 1), [case_of("signal", ELSEWHERE, 0), case_of("line", BEYOND4, 0),
                                                    case_of("viber", NEAR4, 0)]
    path = change_path(losing().path, loss=LossEvidence(), address=HERE4)
    assert add_loss(path, struck, gather_site_losses([struck, *others])).lasting.loss.mostly_lossy
    lossy_line = [case_of("signal", ELSEWHERE, 1), case_of("line", BEYOND4, 1)]
    assert not add_loss(path, struck, gather_site_losses([struck, *lossy_line])).lasting.loss.mostly_lossy


def test_a_host_that_mostly_loses_at_all_its_addresses_is_in_doubt_at_each() -> None:
    """At the one address one of three connections lost something, at the other the only one did."""
    site = site_of(endpoint("https://telegram.example/", service="telegram"))
    rows = [replace(replace_flat(visit_to(address, attempt=n)[-1], segments_out=9, delivered=5, retransmits=lost,
                                 hostname=site.host), observation_id=f"t.{n}")
            for n, (address, lost) in enumerate([(HERE4, 1), (HERE4, 0), (HERE4, 0), (NEAR4, 2)])]
    struck, others = SiteCase(site=site, visits=tuple(rows)), [case_of("signal", ELSEWHERE, 0),
                                                              case_of("line", BEYOND4, 0)]
    path = change_path(losing().path, loss=LossEvidence(), address=HERE4)
    assert add_loss(path, struck, gather_site_losses([struck, *others])).lasting.loss.mostly_lossy
    assert not add_loss(path, others[0], gather_site_losses([struck, *others])).lasting.loss.mostly_lossy
    spared = replace(struck, visits=struck.visits[:3])
    assert not add_loss(path, spared, gather_site_losses([spared, *others])).lasting.loss.mostly_lossy


@pytest.mark.parametrize(("repeats", "lost", "doubted"), [
    pytest.param((3, 0, 0, 0), (0, 0, 0, 0), [0], id="one of four"),
    pytest.param((3, 0, 3, 0), (0, 0, 0, 0), [0, 2], id="two of four, and the others' connections lose nothing"),
    pytest.param((3, 3, 0, 0), (0, 0, 0, 2), [0, 1], id="the others lose one in four at most"),
    pytest.param((3, 0, 0, 0), (0, 4, 4, 4), [], id="the others lose too"),
    pytest.param((3, 3, 3, 3), (0, 0, 0, 0), [], id="all, and there is nobody to compare with"),
    pytest.param((2, 0, 0, 0), (0, 0, 0, 0), [], id="too few"),
    pytest.param((0, 0, 0, 0), (0, 0, 0, 0), [], id="nobody"),
])
def test_repeated_small_records_leave_a_host_in_doubt_unless_others_connections_lose_too(
        repeats: tuple[int, ...], lost: tuple[int, ...], doubted: list[int]) -> None:
    """By service: repeats of its one exchange of small records, and how many of its eight short connections lost
    something."""
    services = ("telegram", "signal", "line", "viber")
    cases = [_sent_records(service, again, few) for service, again, few in zip(services, repeats, lost, strict=True)]
    losses = gather_site_losses(cases)
    assert losses.mostly_hosts == {f"{services[n]}.example" for n in doubted}
    path = change_path(losing().path, loss=LossEvidence(), address="61.0.0.1")
    assert add_loss(path, cases[0], losses).lasting.loss.mostly_lossy == (0 in doubted)


def _sent_records(service: str, repeats: int, lost: int) -> SiteCase:
    site = site_of(endpoint(f"https://{service}.example/", service=service))
    rows = [replace(replace_flat(visit_to(f"60.0.0.{len(service)}", attempt=n)[-1], segments_out=9, delivered=5,
                                 retransmits=int(n < lost), hostname=site.host), observation_id=f"{service}.{n}")
            for n in range(8)]
    sent = replace_flat(rows[-1], operation="records", purpose="records", segments_out=0, retransmits=repeats)
    return SiteCase(site=site, visits=tuple(rows), turns=(replace(sent, observation_id=f"{service}.records"),))


def many(*lost: int) -> list[SiteCase]:
    """Services at addresses and under names of their own, two connections each, of which so many lost something."""
    cases = []
    for n, count in enumerate(lost):
        site = site_of(endpoint(f"https://s{n}.example/", service=f"s{n}"))
        rows = [replace(replace_flat(visit_to(f"60.{n}.0.1", attempt=k)[-1], segments_out=9, delivered=5,
                                     retransmits=int(k < count), hostname=site.host), observation_id=f"{n}.{k}")
                for k in range(2)]
        cases.append(SiteCase(site=site, visits=tuple(rows)))
    return cases


@pytest.mark.parametrize(("lost", "doubted"), [
    pytest.param((2, 0, 0, 0, 0, 0), [0], id="one alone"),
    pytest.param((2, 2, 0, 0, 0, 0), [0, 1], id="two of six, a third of all connections"),
    pytest.param((1, 2, 0, 0, 0, 0, 0), [0, 1], id="half of one, all of another"),
    pytest.param((2, 2, 2, 0, 0, 0), [], id="three of six are a line"),
    pytest.param((1, 1, 1, 1, 0, 0, 0), [], id="many a little"),
    pytest.param((0, 0, 0, 0, 0, 0), [], id="nobody"),
])
def test_a_few_that_lose_together_are_in_doubt_and_many_are_a_line(lost: tuple[int, ...], doubted: list[int]) -> None:
    assert gather_site_losses(many(*lost)).mostly_hosts == {f"s{n}.example" for n in doubted}


def test_where_nothing_is_lost_nothing_is_compared() -> None:
    cases = [case_of("telegram", HERE4, 0), case_of("signal", ELSEWHERE, 0)]
    assert not gather_site_losses(cases).by_group
