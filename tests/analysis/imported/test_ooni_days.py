"""One and three measurements an hour of a block: the cause is named as deep as a file goes, and no innocent's is."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from ooni_data import ADDRESS, RESET, TIMEOUT, connect, query, request, shake, told, web
from ooni_fleet import BEGAN, MESSENGERS, STRIKES, Strike, judge, make_days, page_of
from ooni_messengers import DC, post
from probe.judge.verdicts.combine import combine_endpoints
from probe_analysis.imported.grouping import group_into_runs
from probe_analysis.imported.judging import judge_imported_endpoints
from probe_analysis.imported.ooni.ooni_measurement import read_measurement_line
from probe_analysis.imported.remembered_failures import MAX_ROWS, WANTED, FailedMeasurement, Place, RememberedFailures

CAUSES = {"dns": "dns.nxdomain", "tcp": "tcp", "tls": "tls.reset", "http": "http.reset"}
STRUCK = {
    ("telegram", "dns"): {"telegram.web.client"}, ("telegram", "tls"): {"telegram.web.client"},
    ("telegram", "tcp"): {*(f"telegram.chat.dc{n}" for n in range(1, 6)), "telegram.web.client"},
    ("telegram", "http"): {f"telegram.chat.dc{n}" for n in range(1, 6)},
    ("whatsapp", "tls"): {"whatsapp.register.main", "whatsapp.web.client"},
    ("signal", "tls"): {"signal.chat.main", "signal.api.cdsi", "signal.api.storage", "signal.call.sfu"},
}
"""(test, strike) -> the targets that it strikes; all of the test where nothing is said."""


@pytest.mark.parametrize("an_hour", [1, 3])
@pytest.mark.parametrize("strike", STRIKES)
def test_a_site_that_fails_against_the_helper_is_suspected_hour_by_hour(strike: Strike, an_hour: int) -> None:
    found = judge(make_days(page_of(strike), an_hour=an_hour))
    assert {v.outcome for v in found} == {"inconclusive"}
    assert {(v.block_type, v.suspected) for v in found[WANTED:]} == {("inconclusive.unplaced", CAUSES[strike])}


@pytest.mark.parametrize("an_hour", [1, 3])
@pytest.mark.parametrize("strike", STRIKES)
def test_a_site_that_fails_for_the_helper_as_well_is_down(strike: Strike, an_hour: int) -> None:
    found = judge(make_days(page_of(strike, helper=False), an_hour=an_hour))
    assert {(v.outcome, v.suspected) for v in found} == {("down", "")}


@pytest.mark.parametrize(("test", "strike"), [(t, s) for t in MESSENGERS for s in STRIKES
                                              if s != "http" or t == "telegram"])
def test_messengers_that_are_struck_are_suspected_target_by_target(test: str, strike: Strike) -> None:
    found = judge(make_days(MESSENGERS[test](strike)))
    suspected = Counter(v.target_id for v in found if v.suspected == CAUSES[strike])
    targets = STRUCK.get((test, strike), {v.target_id for v in found})
    assert set(suspected) == targets
    assert min(suspected.values()) > 12 - WANTED
    assert {v.outcome for v in found if v.target_id not in targets} <= {"ok"}


@pytest.mark.parametrize("what", [page_of(""), page_of("http") | {"test_keys": page_of("")["test_keys"]},
                                  *(make("") for make in MESSENGERS.values())])
def test_what_is_well_is_ok_throughout(what: dict[str, Any]) -> None:
    assert {v.outcome for v in judge(make_days(what))} == {"ok"}


@pytest.mark.parametrize("code", [404, 411, 501])
def test_a_data_centre_is_known_by_any_of_its_own_codes(code: int) -> None:
    what = MESSENGERS["telegram"]("")
    what["test_keys"]["requests"] = [post(a, p, code) for a in DC for p in (80, 443)]
    assert {v.outcome for v in judge(make_days(what)) if ".chat." in v.target_id} == {"ok"}


def test_signal_is_up_wherever_its_own_certificate_is_shown_and_not_where_another_is() -> None:
    well = MESSENGERS["signal"]("")
    assert {v.outcome for v in judge(make_days(well))} == {"ok"}
    for shown in well["test_keys"]["tls_handshakes"]:
        shown["failure"] = "ssl_unknown_authority"
    well["test_keys"]["requests"] = []
    found = judge(make_days(well))
    assert {v.suspected for v in found[-4:]} == {"tls.mitm"}


def test_names_that_share_an_address_each_have_their_attempts() -> None:
    what = MESSENGERS["whatsapp"]("")
    connects = what["test_keys"]["tcp_connect"]
    what["test_keys"]["tcp_connect"] = list({(c["ip"], c["port"]): c for c in connects}.values())
    found = [v for v in judge(make_days(what)) if v.target_id.startswith("whatsapp.chat.")]
    assert len(found) == 16 * 12
    assert {v.outcome for v in found} == {"ok"}


def test_one_success_forgets_the_failures_before_it() -> None:
    hours = [*make_days(page_of("tls"))]
    well = {**hours[3], **page_of("")}
    found = judge([*hours[:3], well, *hours[4:7]])
    assert {v.suspected for v in found} == {""}
    assert judge(hours[:4])[-1].suspected == "tls.reset"


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_success_among_failures_of_its_hour_forgets_those_before_it(place: int) -> None:
    hours = [*make_days(page_of("tls"), an_hour=3)]
    mixed = [{**one, **page_of("")} if number == place else one for number, one in enumerate(hours[3:6])]
    after = hours[6:8]
    found = judge([*hours[:3], *mixed, *after])
    assert found[0].suspected == ""
    assert {v.suspected for v in found[1:2]} == {""}
    since = len(mixed[place + 1:]) + len(after)
    assert (found[-1].suspected == "tls.reset") is (since >= WANTED), since
    assert judge(hours[:8])[-1].suspected == "tls.reset"


def test_failures_of_another_network_country_or_day_are_not_remembered() -> None:
    hours = [*make_days(page_of("tls"))][:4]
    for change in ({"probe_asn": "AS64999"}, {"probe_cc": "TR"},
                   {"measurement_start_time": str(BEGAN + timedelta(days=2)),
                    "test_start_time": str(BEGAN + timedelta(days=2))}):
        assert {v.suspected for v in judge([*hours[:3], {**hours[3], **change}])} == {""}


def test_failures_of_another_version_of_the_program_are_remembered() -> None:
    hours = [{**m, "software_version": f"3.{n}"} for n, m in
             enumerate([*make_days(page_of("tls"))][:4])]
    assert judge(hours)[-1].suspected == "tls.reset"


def test_what_is_remembered_outlasts_a_call_and_is_bounded() -> None:
    hours, memory = [*make_days(page_of("tls"))], RememberedFailures()
    assert [v.suspected for one in hours[:4] for v in judge([one], memory)] == ["", "", "", "tls.reset"]
    row = read_measurement_line(json.dumps(hours[0]).encode()).observations[0]
    for number in range(MAX_ROWS // 20):
        memory.remember(Place(cc="IR", asn=number, target_id="x"),
                        [FailedMeasurement(start=BEGAN, rows=(row,) * 40, controls=())])
    assert memory.rows == sum(len(m.rows) for held in memory.known.values() for m in held) <= MAX_ROWS


def test_a_line_that_nothing_shows_to_be_well_suspects_nobody() -> None:
    hours = [{**m, "report_id": "", "probe_asn": "AS0"} for m in make_days(MESSENGERS["telegram"]("tcp"))]
    assert {v.suspected for v in judge(hours)} == {""}


@pytest.mark.parametrize("control", [{"control": None}, {"control": None, "control_failure": TIMEOUT}])
@pytest.mark.parametrize("strike", STRIKES)
def test_a_site_of_which_no_helper_tells_is_suspected_of_nothing(strike: Strike, control: dict[str, Any]) -> None:
    what = page_of(strike)
    what["test_keys"] |= control
    assert {(v.outcome, v.suspected) for v in judge(make_days(what))} == {("inconclusive", "")}


def test_a_lie_of_the_resolver_is_told_though_the_site_opened_in_the_end() -> None:
    """The program goes on with the helper's address."""
    lie = web(queries=[query("www.chat.example", "10.10.34.35")], control=told(ADDRESS),
              tcp_connect=[connect("10.10.34.35", failure=RESET), connect()], tls_handshakes=[shake()],
              requests=[request()], blocking=False, accessible=True)
    found = judge(make_days({"test_keys": lie}))
    assert {(v.outcome, v.block_type, v.basis) for v in found} == {("blocked", "dns", "content")}


@pytest.mark.parametrize("test", MESSENGERS)
def test_what_is_judged_once_for_all_is_what_our_rules_say_of_each(test: str) -> None:
    lines = [json.dumps(m).encode() for m in make_days(MESSENGERS[test](""), days=0.1)]
    for result in group_into_runs([read_measurement_line(line) for line in lines]):
        by_rules = {target: combine_endpoints(members) for target, members in judge_imported_endpoints(result).items()}
        for verdict in result.verdicts:
            full = by_rules[verdict.target_id]
            assert (verdict.rule_id, verdict.owner, verdict.control) == (full.rule_id, full.owner, full.control)
            assert set(verdict.evidence) <= {o.observation_id for o in result.observations}
            assert verdict.outcome == "ok"
