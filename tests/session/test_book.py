"""The run's book: ids, taint, late replies, what belongs to which site; and a stored run judged again the same."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from made_up_net import FRAME, Net, walk
from observations import (
    ELSEWHERE,
    EOF,
    HERE4,
    HERE6,
    HOST,
    NEAR4,
    OTHER,
    REFUSED,
    RESET,
    THERE4,
    TIMEOUT,
    endpoint,
    lookup,
    operation,
    plain_visit,
    replace_flat,
    site_of,
    told,
    visit_to,
)
from probe.catalogue.load import load_catalogue
from probe.catalogue.sites import Site
from probe.catalogue.types import Catalogue
from probe.core.observations import ControlAnswer, Observation
from probe.core.replies import DnsReply
from probe.core.runs import Run, RunResult, Vantage
from probe.instruments.steps import Visit
from probe.judge.network.ladder_evidence import format_ladder
from probe.session.ladder_controls import NETWORK_CHANGED, choose_ladder_controls, gather_ladder
from probe.session.observation_log import ObservationLog
from probe.session.planning.next_steps import plan_next_steps
from probe.session.run_verdicts import judge_log, judge_stored_run
from probe.session.selection import select_sites
from probe.session.taint import RESIDUAL_S, find_tainting_failure

# ---- taint

NEIGHBOUR = operation("tls_handshake", failure=RESET, hostname=OTHER, observation_id="r.1", t0_s=9.0, t_s=10.0)
VICTIM = operation("tls_handshake", failure=RESET, t0_s=20.0)


@pytest.mark.parametrize(("victim", "neighbour", "tainted"), [
    pytest.param({}, {}, True, id="a reset after a neighbour's reset"),
    pytest.param({"failure": TIMEOUT, "operation": "connect"}, {}, True, id="silence after a neighbour's reset"),
    pytest.param({}, {"failure": EOF}, True, id="a reset after a neighbour's end"),
    pytest.param({"purpose": "innocent"}, {}, True, id="an innocent name after the target"),
    pytest.param({}, {"purpose": "trusted"}, True, id="after a trusted visit"),
    pytest.param({"failure": ""}, {}, False, id="a success"),
    pytest.param({"failure": "ssl_unknown_authority"}, {}, False, id="a failure that no residue makes"),
    pytest.param({}, {"failure": ""}, False, id="after a success"),
    pytest.param({}, {"failure": "ssl_unknown_authority"}, False, id="after a bad certificate"),
    pytest.param({}, {"hostname": HOST}, False, id="its own repeat"),
    pytest.param({}, {"purpose": "innocent"}, False, id="after an innocent's failure"),
    pytest.param({}, {"purpose": "port"}, False, id="after another port was tried"),
    pytest.param({}, {"port": 8443}, True, id="another port"),
    pytest.param({"purpose": "innocent"}, {"port": 8443}, False, id="an innocent name on another port"),
    pytest.param({}, {"address": NEAR4}, False, id="another address"),
    pytest.param({"t0_s": 10.0 + RESIDUAL_S}, {}, False, id="long after"),
    pytest.param({"t0_s": 9.9 + RESIDUAL_S}, {}, True, id="nearly as long after"),
    pytest.param({"address": ""}, {"address": ""}, False, id="no address at all"),
])
def test_what_a_neighbours_failure_may_have_caused(
    victim: dict[str, Any], neighbour: dict[str, Any], tainted: bool,
) -> None:
    found = find_tainting_failure(replace_flat(VICTIM, **victim), [replace_flat(NEIGHBOUR, **neighbour)])
    assert found == ("r.1" if tainted else "")


# ---- stamps

def test_observations_are_numbered_in_order_and_tainted_by_what_came_before() -> None:
    book = ObservationLog("run")
    assert [book.add(replace(NEIGHBOUR, observation_id="")), book.add(VICTIM), book.add(replace(VICTIM, failure=""))] \
        == [0, 1, 2]
    assert [(o.observation_id, o.sequence, o.run_id) for o in book.observations] == [
        ("run.0", 0, "run"), ("run.1", 1, "run"), ("run.2", 2, "run")]
    assert [o.tainted_by for o in book.observations] == ["", "run.0", ""]


LATE = (DnsReply(delay_ms=3.0, rcode="NOERROR"), DnsReply(delay_ms=5.0, rcode="NXDOMAIN"))


def test_late_replies_belong_to_their_question() -> None:
    book = ObservationLog("run")
    book.add(lookup(HERE4))
    index = book.add(lookup(NEAR4, name=OTHER))
    book.amend(index, LATE, 99)
    assert [(o.dns.replies, o.bytes_read) for o in book.observations] == [((), 0), (LATE, 99)]
    assert book.case(site_of(endpoint(f"https://{OTHER}/"))).dns[0].dns.replies == LATE


def test_what_was_stamped_is_restored_as_it_is() -> None:
    book = ObservationLog("run")
    for seen in (replace(NEIGHBOUR, observation_id=""), VICTIM, lookup(HERE4)):
        book.add(seen)
    book.add_control(told())
    again = ObservationLog("other")
    again.restore(book.observations, book.controls)
    assert again.observations == book.observations
    assert again.case(site_of()) == book.case(site_of())


# ---- what belongs to a site

def filled(*seen: Observation) -> ObservationLog:
    book = ObservationLog("r")
    for o in seen:
        book.add(o)
    return book


def test_a_site_has_its_own_lookups_and_no_ladders() -> None:
    book = filled(lookup(HERE4), lookup(NEAR4, name=OTHER), lookup(HERE4, purpose="ladder"),
                  lookup(HERE4, resolver="dark"), lookup(HERE4, resolver="google"))
    assert [o.dns.resolver for o in book.case(site_of()).dns] == ["network", "dark", "google"]
    assert book.case(site_of(endpoint(f"tcpconnect://{HERE4}:1", address=HERE4))).dns == ()


def test_a_site_has_the_visits_of_its_host_and_port_at_its_addresses() -> None:
    here = visit_to()
    book = filled(lookup(HERE4), *here, *visit_to(port=8443), *visit_to(THERE4), *visit_to(hostname=OTHER),
                  *visit_to(purpose="ladder"))
    visits = book.case(site_of()).visits
    assert [(o.address, o.port, o.hostname, o.operation) for o in visits] == [
        (o.address, o.port, o.hostname, o.operation) for o in here]


def test_sites_that_differ_in_their_targets_keep_their_visits_apart() -> None:
    other = endpoint(f"tlshandshake://{HOST}:443", target_id="chat.chat.dc")
    book = filled(lookup(HERE4), *visit_to(), *visit_to(until="tls", failure=RESET, input=other.input,
                                                        target_id=other.target_id))
    assert {o.failure for o in book.case(site_of()).visits} == {""}
    assert [o.failure for o in book.case(site_of(other)).visits] == ["", RESET]


def test_what_a_messengers_own_words_meet_is_no_attempt_of_the_page_on_the_same_port() -> None:
    """As of Telegram's data centres, whose port 80 is one target's for both."""
    page, words = endpoint(f"http://{HOST}/"), endpoint(f"tcpconnect://{HOST}:80", protocol="mtproto")
    spoken = [replace_flat(o, operation="connect" if o.operation == "connect" else "app_round_trip", input=words.input,
                      protocol="mtproto", failure="" if o.operation == "connect" else RESET)
              for n in (1, 2, 3) for o in plain_visit(attempt=n)]
    book = filled(lookup(HERE4), *plain_visit(), *spoken)
    assert [o.operation for o in book.case(site_of(page)).visits] == ["connect", "http_round_trip"]
    assert {o.app.protocol for o in book.case(site_of(words)).visits} == {"mtproto"}


def test_neighbours_are_whoever_was_at_the_address() -> None:
    around = [operation("tls_handshake", purpose="innocent", hostname="www.example.com"),
              operation("connect", purpose="port", port=80, failure=REFUSED)]
    elsewhere = operation("tls_handshake", NEAR4, purpose="innocent")
    case = filled(lookup(HERE4), *around, elsewhere, operation("connect", purpose="ladder")).case(site_of())
    assert [o.purpose for o in case.around] == ["innocent", "port"]


def test_a_site_is_compared_with_places_of_which_no_two_are_of_one_network() -> None:
    opened = [("ladder", HERE4), ("target", NEAR4), ("target", THERE4), ("target", "151.101.1.1"), ("target", HERE6),
              ("target", "198.18.0.1"), ("target", "203.0.113.1")]
    book = filled(*(operation("connect", address, purpose=purpose, target_id=f"s{n}.web.main", hostname=f"s{n}.example")
                    for n, (purpose, address) in enumerate(opened)))
    assert [address for address, _ in book.history_of(site_of()).elsewhere] == [HERE4, THERE4, "198.18.0.1", HERE6]


def test_what_an_owner_has_elsewhere_is_no_measure_for_another_of_its_hosts() -> None:
    """Its ways may pass the owner's own network, whatever address they lead to; those of a list's hosts are of many."""
    hosts = {HERE4: "telegram.web.client", THERE4: "telegram.web.telegraph", "198.18.0.1": "list.web.a",
             ELSEWHERE: "list.web.b"}
    book = filled(*(operation("connect", address, target_id=name, hostname=f"{name}.example", purpose=purpose)
                    for purpose, (address, name) in zip(("target", "target", "target", "ladder"), hosts.items(),
                                                        strict=True)),
                  *(operation("trace", address, purpose="reference", target_id="", hostname="", input="")
                    for address in hosts))
    own, other = site_of(endpoint("https://t.me/", service="telegram")), site_of(endpoint("https://b.example/"))
    assert [address for address, _ in book.history_of(own).elsewhere] == [ELSEWHERE, "198.18.0.1"]
    assert [address for address, _ in book.history_of(other).elsewhere] == [ELSEWHERE, HERE4, "198.18.0.1"]
    assert [o.address for o in book.case(own).traces] == ["198.18.0.1", ELSEWHERE]
    assert [o.address for o in book.case(other).traces] == list(hosts)


def test_addresses_may_come_from_controls_and_redirects_from_anywhere() -> None:
    book = filled(lookup(HERE4), *visit_to(THERE4, purpose="trusted"),
                  operation("http_round_trip", NEAR4, purpose="redirect", hostname="away.net"))
    assert [o.purpose for o in book.case(site_of()).visits] == ["redirect"]
    book.add_control(told(addresses=(THERE4,)))
    book.add_control(told(input="https://other.example/", addresses=(HERE6,)))
    case = book.case(site_of())
    assert [o.purpose for o in case.visits] == ["trusted", "trusted", "trusted", "redirect"]
    assert [c.addresses for c in case.controls] == [(THERE4,)]


def test_the_planner_sees_what_the_judge_sees() -> None:
    book = filled(lookup(HERE4), *visit_to())
    case, seen = book.case(site_of()), book.history_of(site_of())
    assert (case.dns, case.visits, case.around, case.controls) == (seen.dns, seen.visits, seen.around, seen.controls)


# ---- a stored run, judged again

@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(search=False)


ENDS = [None, None, None, ("connect", TIMEOUT), ("connect", REFUSED), ("tls", RESET), ("tls", TIMEOUT), ("http", EOF),
        ("tls", "ssl_unknown_authority")]
DNS = [None, None, None, None, "dns_nxdomain_error", TIMEOUT, ("10.10.34.34",)]
PAGES: list[dict[str, Any]] = [{}, {}, {"status": 403, "met_expectation": "no"},
                               {"status": 302, "met_expectation": "no", "location": "http://away.net/"}]


def address_of(site: Site, rng: random.Random) -> str:
    return site.address or f"93.184.{rng.randrange(10, 60)}.{rng.randrange(1, 250)}"


def a_net(site: Site, rng: random.Random) -> Net:
    address, forged = address_of(site, rng), rng.choice(DNS)
    honest: tuple[str, ...] | str = (address,)
    end = rng.choice(ENDS)
    dns = {channel: honest if forged is None else forged for channel in ("system", "network")}
    told_failure = rng.choice(["", "", RESET])

    def answer(step: Any) -> ControlAnswer:
        where = tuple(f"{a}:{p}" for a in step.addresses for p in (80, 443, 5222))
        return told(step.control_id, input=step.input, http_failure=told_failure, http_status=200,
                    tcp=tuple((w, "") for w in where), tls=tuple((w, told_failure) for w in where))

    return Net(dns={**dns, "public": honest, "tcp": honest, "doh": honest}, cuts={address: end} if end else {},
               page=rng.choice(PAGES), told=answer)


def ladder_rungs(catalogue: Catalogue) -> list[Observation]:
    rungs = [lookup(HERE4, purpose="ladder", name="www.example.com")]
    for e in choose_ladder_controls(catalogue, "RU")[:4]:
        rungs += [replace(o, purpose="ladder", input=e.input, target_id="") for o in plain_visit(met_expectation="yes")]
    return rungs


def a_run(catalogue: Catalogue, rng: random.Random, inputs: frozenset[str]) -> RunResult:
    """A run over these inputs in which some sites were never tried, and what it found."""
    seed = rng.getrandbits(32)
    chosen = select_sites(catalogue, tier=3, cc="RU", consent_level=1, families=(4,), seed=seed, inputs=inputs)
    book = ObservationLog("20170504T100000Z_1")
    for seen in ladder_rungs(catalogue):
        book.add(seen)
    untried = set(rng.sample(range(len(chosen.sites)), 3))
    for n, site in enumerate(chosen.sites):
        if n not in untried:
            walk(site, a_net(site, rng), book=book, context=replace(FRAME, innocent="www.example.com"))
    ladder = gather_ladder(catalogue, "RU", book.observations, has_ipv4=True, has_ipv6=False, gateway="answers")
    verdicts, services = judge_log(catalogue, chosen, book, ladder, cc="RU")
    run = Run(run_id=book.run_id, measurement_start_time="2017-05-04T10:00:00Z", seed=seed,
              ladder=format_ladder(ladder), vantage=Vantage(probe_cc="RU", families=(4,)))
    return RunResult(run=run, observations=tuple(book.observations), controls=tuple(book.controls), verdicts=verdicts,
                     services=services)


def test_what_an_innocent_name_was_answered_is_no_address_of_the_name_that_failed() -> None:
    book, site = ObservationLog("r"), site_of()
    book.add(lookup("network", failure="dns_servfail_error"))
    book.add(replace(lookup("network", NEAR4), purpose="innocent", hostname=OTHER, input=HOST))
    for seen in visit_to(NEAR4):
        book.add(seen)
    case = book.case(site)
    assert [o.purpose for o in case.dns] == ["target", "innocent"]
    assert case.visits == ()


@pytest.mark.parametrize("round_", range(12))
def test_a_stored_run_gets_the_same_verdicts_again(catalogue: Catalogue, rng: random.Random, round_: int) -> None:
    targets = {e.target_id for e in rng.sample(catalogue.endpoints, 40)}
    stored = a_run(catalogue, rng, frozenset(e.input for e in catalogue.endpoints if e.target_id in targets))
    again, services = judge_stored_run(stored, catalogue)
    assert {v.target_id: v for v in again} == {v.target_id: v for v in stored.verdicts}
    assert set(services) == set(stored.services)
    assert len({v.outcome for v in stored.verdicts}) >= 2


def test_in_a_run_that_changed_its_network_nobody_is_accused_nor_called_well(
    catalogue: Catalogue, rng: random.Random,
) -> None:
    stored = a_run(catalogue, rng, frozenset(e.input for e in rng.sample(catalogue.endpoints, 40)))
    moved = replace(stored, run=replace(stored.run, conditions=("power:mains", NETWORK_CHANGED)))
    again, services = judge_stored_run(moved, catalogue)
    assert {v.target_id for v in again} == {v.target_id for v in stored.verdicts}
    assert {(v.outcome, v.block_type) for v in again} <= {
        ("inconclusive", "inconclusive.vantage"), ("not_attempted", "inconclusive.not_attempted")}
    assert all("network" in v.reason for v in again if v.outcome == "inconclusive")
    assert not any(s.k or s.n for s in services)


def test_a_run_of_single_inputs_is_judged_again_for_its_targets_alone(catalogue: Catalogue, rng: random.Random) -> None:
    stored = a_run(catalogue, rng, frozenset(e.input for e in rng.sample(catalogue.endpoints, 40)))
    again, _ = judge_stored_run(stored, catalogue)
    assert {v.target_id for v in again} == {v.target_id for v in stored.verdicts}


def test_verdicts_do_not_depend_on_the_order_in_which_sites_are_judged(catalogue: Catalogue) -> None:
    book = filled(lookup(HERE4), *visit_to(), lookup(NEAR4, name=OTHER), *visit_to(NEAR4, hostname=OTHER))
    ladder = gather_ladder(catalogue, "RU", ladder_rungs(catalogue), has_ipv4=True, has_ipv6=False, gateway="answers")
    sites = (site_of(), site_of(endpoint(f"https://{OTHER}/", target_id="other.web.main")))
    chosen = select_sites(catalogue, tier=0, cc="RU", consent_level=1, families=(4,), seed=1,
                          inputs=frozenset({"none"}))
    one, _ = judge_log(catalogue, replace(chosen, sites=sites), book, ladder, cc="RU")
    two, _ = judge_log(catalogue, replace(chosen, sites=sites[::-1]), book, ladder, cc="RU")
    assert sorted(one, key=lambda v: v.target_id) == sorted(two, key=lambda v: v.target_id)
    assert len(one) == 2


def test_questions_for_https_records_are_their_name_s_and_no_address_is_visited_for_them() -> None:
    book = ObservationLog("r")
    book.add(lookup(HERE4))
    book.add(lookup(NEAR4, purpose="https", query_type="HTTPS"))
    book.add(lookup(name=FRAME.innocent, purpose="https", query_type="HTTPS", resolver="dark", input=HOST))
    book.add(lookup(name=OTHER, purpose="https", query_type="HTTPS"))
    book.add(lookup(name=FRAME.innocent, purpose="innocent"))
    mine = book.case(site_of()).dns
    assert [(o.hostname, o.purpose) for o in mine] == [(HOST, "target"), (HOST, "https"), (FRAME.innocent, "https")]
    steps = plan_next_steps(site_of(), book.history_of(site_of()), FRAME)
    assert {s.address for s in steps if isinstance(s, Visit)} == {HERE4}


def test_questions_for_the_sake_of_a_name_are_its_own_and_a_comparison_is_everybodys() -> None:
    book = ObservationLog("r")
    denied: Any = dict(failure="dns_nxdomain_error")
    book.add(lookup(**denied))
    book.add(lookup(purpose="again", input=HOST, **denied))
    book.add(lookup(name="example", purpose="zone", input=HOST, query_type="SOA"))
    book.add(lookup(HERE4, name=FRAME.innocent, purpose="yardstick"))
    book.add(lookup(NEAR4, name=OTHER))
    own = [(o.hostname, o.purpose) for o in book.case(site_of()).dns]
    assert own == [(HOST, "target"), (HOST, "again"), ("example", "zone"), (FRAME.innocent, "yardstick")]
    other = site_of(endpoint(f"https://{OTHER}/"))
    assert [o.hostname for o in book.case(other).dns] == [OTHER]
    assert [a for o in book.case(site_of()).dns for a in o.dns.answers] == [HERE4]
