"""Expectations and accusations: what counts as right, and what counts against the program."""

from __future__ import annotations

from dataclasses import replace

import pytest

from in_order import in_order
from lab_judged import EXPECT, FIRED, FRIEND, LITERAL, TARGET, judged, met, scene, verdicts
from probe_lab.lab_types import DrawnScenario, Expect
from probe_lab.truth import TruthEntry


@pytest.mark.parametrize(
    ("got", "right"),
    [
        ("blocked tls.reset.sni", True),
        ("blocked tls.reset", True),
        ("blocked tls", False),
        ("blocked tls.reset.sni.deeper", False),
        ("blocked tls.reset.address", False),
        ("blocked tls.drop.sni", False),
        ("blocked tls.res", False),
        ("blocked", False),
        ("ok", False),
        ("down server.flaky", False),
        ("inconclusive inconclusive.unexplained", False),
        ("not_attempted inconclusive.not_attempted", False),
    ],
)
def test_a_block_type_is_right_when_true_and_deep_enough(got: str, right: bool) -> None:
    judgement = judged(verdicts(got))
    assert met(judgement) == {TARGET: right, FRIEND: True, LITERAL: True}
    assert judgement.invalid == ""


def test_every_other_target_must_be_well() -> None:
    judgement = judged(verdicts(**{FRIEND: "inconclusive inconclusive.no_control"}))
    assert met(judgement) == {TARGET: True, FRIEND: False, LITERAL: True}


def test_a_target_without_a_verdict_is_missing() -> None:
    judgement = judged(verdicts()[1:])
    row = judgement.rows[0]
    assert (row.got, row.met, row.accused) == ("missing", False, False)
    assert judgement.invalid == "", "a program that measured nothing must not make the scenario invalid"


def test_blocked_without_a_conviction_is_a_false_accusation() -> None:
    accused = judged(verdicts(**{FRIEND: "blocked ip.blackhole"})).rows[1]
    assert (accused.accused, accused.may_be_blocked, accused.met) == (True, False, False)


def test_a_wrong_cause_for_a_censored_target_is_a_miss_and_no_accusation() -> None:
    row = judged(verdicts("blocked ip.blackhole")).rows[0]
    assert (row.accused, row.may_be_blocked, row.met) == (True, True, False)


@pytest.mark.parametrize(
    ("entry", "convicts"),
    [
        (TruthEntry(time_s=1, actor="middlebox", action="drop", block_type="ip.blackhole", name="F.example"), True),
        (TruthEntry(time_s=1, actor="middlebox", action="drop", block_type="ip.blackhole", address="9.1.2.1"), True),
        (TruthEntry(time_s=1, actor="middlebox", action="drop", block_type="", address="9.1.2.1"), False),
        (TruthEntry(time_s=1, actor="middlebox", action="drop", block_type="ip.blackhole", address="9.1.2.2"), False),
        (TruthEntry(time_s=1, actor="middlebox", action="drop", block_type="ip.blackhole"), False),
    ],
)
def test_the_log_convicts_by_name_and_address_and_only_with_a_cause(entry: TruthEntry, convicts: bool) -> None:
    assert judged(verdicts(), log=(*FIRED, entry)).rows[1].may_be_blocked is convicts


def test_a_literal_address_is_convicted_by_its_address() -> None:
    entry = TruthEntry(time_s=1, actor="middlebox", action="drop", block_type="ip.blackhole", address="192.0.2.9")
    assert judged(verdicts(), log=(*FIRED, entry)).rows[2].may_be_blocked


def test_targets_measured_besides_can_be_accused_but_not_missed() -> None:
    rows = [*verdicts(), {"input": "http://control.example/", "outcome": "blocked", "block_type": "dns.injection"}]
    other = judged(rows).others[0]
    assert (other.accused, other.may_be_blocked, other.met) == (True, False, True)


def test_a_target_of_several_endpoints_is_judged_by_the_one_that_decided() -> None:
    drawn = scene()
    drawn = replace(drawn, aliases={**drawn.aliases, "target:friend": (FRIEND, "https://f2.example/")})
    rows = [*verdicts()[:1], {"input": "https://f2.example/", "target_id": "friend", "outcome": "ok", "block_type": ""}]
    judgement = judged(rows, drawn=drawn)
    assert [(row.subject, row.got) for row in judgement.rows] == [
        (TARGET, "blocked tls.reset.sni"), (FRIEND, "ok"), (LITERAL, "missing"),
    ]
    assert judgement.others == ()


def test_a_rule_that_never_fired_makes_the_scenario_invalid() -> None:
    assert TARGET in judged(verdicts(), log=()).invalid
    unmeasured = verdicts("not_attempted inconclusive.not_attempted")
    assert judged(unmeasured, log=()).invalid == ""


def test_an_expectation_that_the_log_contradicts_is_invalid() -> None:
    other = replace(FIRED[0], block_type="tls.drop.sni")
    assert in_order(judged(verdicts(), log=(other,)).invalid, "tls.reset.sni", "tls.drop.sni")
    shallow = scene(replace(EXPECT, block_types=("tls.reset",)))
    assert judged(verdicts(), drawn=shallow).invalid == ""


def _sometimes(**params: float) -> DrawnScenario:
    drawn = scene()
    return replace(drawn, rules=(replace(drawn.rules[0], params=params),))


@pytest.mark.parametrize("params", [{"probability": 0.5}, {"every_s": 60}, {"from_s": 3.0}, {"until_s": 9}])
def test_censorship_that_may_rest_and_did_leaves_its_target_well(params: dict[str, float]) -> None:
    rested = judged(verdicts("ok"), drawn=_sometimes(**params), log=())
    assert (rested.invalid, met(rested)[TARGET], rested.rows[0].unfired) == ("", True, True)
    accused = judged(verdicts(), drawn=_sometimes(**params), log=()).rows[0]
    assert (accused.met, accused.may_be_blocked, accused.accused) == (False, False, True)
    acted = judged(verdicts("ok"), drawn=_sometimes(**params))
    assert (acted.invalid, met(acted)[TARGET], acted.rows[0].unfired) == ("", False, False)


def test_what_holds_unless_something_fires_is_said_by_the_file() -> None:
    drawn = scene(replace(EXPECT, unless_fired=("inconclusive", "ok")))
    for got, right in (("inconclusive inconclusive.unexplained", True), ("ok", True), ("down server.refused", False)):
        judgement = judged(verdicts(got), drawn=drawn, log=())
        assert (judgement.invalid, met(judgement)[TARGET]) == ("", right)
    assert met(judged(verdicts("ok"), drawn=drawn))[TARGET] is False


def test_an_act_that_is_no_censorship_is_an_act_but_convicts_nobody() -> None:
    harmless = replace(FIRED[0], block_type="")
    drawn = replace(scene(replace(EXPECT, unless_fired=("ok",)), kind="innocent"), rules=())
    row = judged(verdicts(), drawn=drawn, log=(harmless,)).rows[0]
    assert (row.unfired, row.may_be_blocked, row.accused) == (False, False, True)


def test_blocked_that_nothing_caused_is_an_invalid_scenario() -> None:
    drawn = replace(scene(Expect(of="*", outcomes=("blocked",), block_types=("ip.blackhole",))), rules=())
    assert "no rule" in judged(verdicts(), drawn=drawn).invalid


@pytest.mark.parametrize(
    ("got", "right"),
    [("blocked tls.reset.sni", True), ("blocked ip.reset", True), ("blocked ip", False), ("blocked tls.drop", False)],
)
def test_any_of_several_causes_is_right(got: str, right: bool) -> None:
    drawn = scene(replace(EXPECT, block_types=("tls.reset.sni", "ip.reset")))
    assert met(judged(verdicts(got), drawn=drawn))[TARGET] is right


@pytest.mark.parametrize(
    ("got", "right"),
    [("blocked tls.reset", True), ("blocked tls.reset.sni", True), ("blocked tls.reset.address", True),
     ("blocked tls", False), ("blocked tls.drop.sni", False), ("blocked", False)],
)
def test_a_cause_may_stand_for_all_below_it(got: str, right: bool) -> None:
    drawn = scene(replace(EXPECT, block_types=("tls.reset",), below=("tls.reset",), min_depth=2))
    (row,) = (row for row in judged(verdicts(got), drawn=drawn).rows if row.subject == TARGET)
    assert row.met is right
    assert (row.claim in row.causes) is (right and bool(row.claim))


@pytest.mark.parametrize(
    ("also", "right"), [("ip;dns.injection", True), ("dns", True), ("ip", False), ("", False), ("dns.inj", False)],
)
def test_causes_behind_the_first_must_be_named(also: str, right: bool) -> None:
    rows = verdicts()
    rows[0]["also"] = also
    assert met(judged(rows, drawn=scene(replace(EXPECT, also=("dns.injection",)))))[TARGET] is right


def test_the_scope_must_be_the_one_expected() -> None:
    rows = verdicts()
    rows[0]["scope"] = "lan"
    assert met(judged(rows, drawn=scene(replace(EXPECT, scope="lan"))))[TARGET]
    wrong = judged(rows, drawn=scene(replace(EXPECT, scope="access", also=("dns",)))).rows[0]
    assert wrong.expected == "blocked tls.reset.sni (also dns) (scope access)"
    assert wrong.got == "blocked tls.reset.sni (also nothing) (scope lan)"
    assert not met(judged(rows, drawn=scene(replace(EXPECT, scope="access"))))[TARGET]


def _neighbours(trigger: str) -> DrawnScenario:
    """The friend lives at the target's addresses."""
    drawn = scene()
    hosts = {**drawn.world.hosts, "f.example": replace(drawn.world.hosts["t.example"], name="f.example")}
    return replace(drawn, world=replace(drawn.world, hosts=hosts), rules=(replace(drawn.rules[0], trigger=trigger),))


@pytest.mark.parametrize(
    ("trigger", "action", "name", "convicted"),
    [
        ("sni", "reset", "t.example", False),
        ("sni", "reset", "", False),
        ("sni", "reset", "f.example", True),
        ("sni", "residual:reset", "f.example", False),
        ("address", "drop", "", True),
    ],
)
def test_who_shares_an_address_is_convicted_by_what_strikes_addresses_alone(
    trigger: str, action: str, name: str, convicted: bool,
) -> None:
    entry = replace(FIRED[0], action=action, name=name, address="9.1.1.1")
    rows = judged(verdicts(), drawn=_neighbours(trigger), log=(entry,)).rows
    assert rows[0].may_be_blocked
    assert rows[1].may_be_blocked is convicted


@pytest.mark.parametrize(("helpers", "right"), [(True, False), (False, True)])
def test_without_helpers_inconclusive_passes(helpers: bool, right: bool) -> None:
    rows = verdicts("inconclusive inconclusive.no_control", **{FRIEND: "inconclusive inconclusive.no_control"})
    assert met(judged(rows, helpers=helpers)) == {TARGET: right, FRIEND: right, LITERAL: True}


def test_without_helpers_wrong_stays_wrong() -> None:
    rows = verdicts("down server.refused", **{FRIEND: "blocked ip.blackhole"})
    assert met(judged(rows, helpers=False)) == {TARGET: False, FRIEND: False, LITERAL: True}


def test_levels_and_order_decide_which_expectation_holds() -> None:
    everything = Expect(of="*", outcomes=("local",), block_types=("local.resolver",), min_depth=2)
    literal = Expect(of="proto:literal", outcomes=("ok",))
    socket_only = Expect(of="@t", outcomes=("inconclusive",), level="socket")
    drawn = scene(everything, literal, socket_only, kind="innocent")
    rows = verdicts("local local.resolver", **{FRIEND: "local local.resolver"})
    assert met(judged(rows, drawn=drawn)) == {TARGET: True, FRIEND: True, LITERAL: True}
    assert met(judged(rows, drawn=drawn, level="socket")) == {TARGET: False, FRIEND: True, LITERAL: True}


def test_the_run_is_judged_when_something_is_expected_of_it() -> None:
    portal = Expect(of="run", outcomes=("local",), block_types=("local.captive_portal",), min_depth=2)
    drawn = scene(EXPECT, portal)
    right = judged(verdicts(), drawn=drawn, run={"outcome": "local", "block_type": "local.captive_portal"}).run
    wrong = judged(verdicts(), drawn=drawn, run={"outcome": "ok", "block_type": ""}).run
    assert right is not None
    assert wrong is not None
    assert (right.met, wrong.met, wrong.got) == (True, False, "ok")
    assert judged(verdicts()).run is None


# --- roles of services


ROLE = Expect(of="role:friends.chat", outcomes=("blocked",), block_types=("tls.reset.sni",), partial=True,
              endpoints=("@t",))


def _role(outcome: str = "blocked", *, partial: str = "True", inputs: str = TARGET,
          causes: str = "tls.reset.sni") -> dict[str, str]:
    return {"service": "friends", "role": "chat", "outcome": outcome, "partial": partial, "blocked_inputs": inputs,
            "block_types": causes}


@pytest.mark.parametrize(("row", "right"), [
    (_role(), True),
    (_role(causes="tls.reset"), True),
    (_role(causes="ip.blackhole"), False),
    (_role("ok"), False),
    (_role(partial="False"), False),
    (_role(inputs=f"{FRIEND};{TARGET}"), False),
    (_role(inputs=""), False),
    ({**_role(), "service": "foes"}, False),
])
def test_a_role_is_right_by_outcome_cause_share_and_endpoints(row: dict[str, str], right: bool) -> None:
    judgement = judged(verdicts(), drawn=scene(EXPECT, ROLE), services=[row])
    assert [(r.subject, r.met) for r in judgement.roles] == [("role:friends.chat", right)]
    assert judgement.invalid == ""


def test_a_role_may_be_blocked_only_for_endpoints_that_the_log_convicts() -> None:
    drawn = scene(EXPECT, replace(ROLE, endpoints=()))
    for inputs, may in ((TARGET, True), (FRIEND, False), (f"{FRIEND};{TARGET}", True)):
        (row,) = judged(verdicts(), drawn=drawn, services=[_role(inputs=inputs)]).roles
        assert (row.accused, row.may_be_blocked) == (True, may)


def test_without_helpers_an_undecided_role_is_right_as_well() -> None:
    drawn = scene(EXPECT, ROLE)
    (row,) = judged(verdicts(), drawn=drawn, services=[_role("inconclusive")], helpers=False).roles
    assert row.met
    (row,) = judged(verdicts(), drawn=drawn, services=[]).roles
    assert (row.met, row.got) == (False, "missing")


@pytest.mark.parametrize(("rows", "right"), [
    ([], True), ([_role("not_attempted", partial="False", inputs="", causes="")], True),
    ([_role("ok", partial="False", inputs="", causes="")], False), ([_role()], False),
])
def test_of_a_role_that_nobody_can_measure_nothing_may_be_claimed(rows: list[dict[str, str]], right: bool) -> None:
    drawn = scene(EXPECT, Expect(of="role:friends.chat", outcomes=("not_attempted",)))
    assert [row.met for row in judged(verdicts(), drawn=drawn, services=rows).roles] == [right]
