"""The answer's typed parts: each row of a run says no more to a person than it does in the tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.catalogue.load import load_catalogue
from probe.core.runs import Run, Vantage
from probe.core.tables.answer_words import CIRCUMSTANCES, PART_STATES, UNTESTED_WHYS, Circumstance, PartState
from probe.core.tables.control_remedies import FIRST_CONTROL
from probe.core.tables.outcomes import NOT_ATTEMPTED, OUTCOMES, Outcome
from probe.core.tables.roles import ROLES, Role
from probe.core.tables.service_answers import Answer
from probe.core.tables.untested_words import (
    RAN_OUT,
    UntestedWhy,
    lack_level,
    lack_library,
    lack_route,
    read_untested_reason,
)
from probe.core.verdicts import ServiceVerdict, Verdict
from probe.session.selection import select_sites
from probe.upkeep.status.answer_history import trace_blocks
from probe.upkeep.status.answer_json import encode_answer
from probe.upkeep.status.answer_lookup import Span, join_spans
from probe.upkeep.status.answer_text import describe_answer, describe_service_answer
from probe.upkeep.status.run_answer import RunAnswer, answer_run, find_stop
from probe.upkeep.status.service_answer import CatalogueFacts, PartAnswer, gather_catalogue_facts

WELL = ("link:up", "tunnel:none", "resolver:ok", "clock:ok")
RUN = Run(run_id="r", measurement_start_time="2026-11-25T12:05:00Z", ladder=WELL, runtime_s=30.0, deadline_s=60.0,
          vantage=Vantage(consent_level=1))
CATALOGUE = load_catalogue(search=False)
FACTS = gather_catalogue_facts(CATALOGUE)
SAYING: set[PartState] = {"works", "at_times", "mostly", "partly_fails", "reached_only", "too_little", "down", "busy",
                          "refuses", "blocked", "partly_blocked", "suspected", "undecided"}


def verdict(outcome: Outcome, block_type: Any = "", *, role: Role = "chat", service: str = "whatsapp",
            **others: Any) -> Verdict:
    return Verdict(target_id=f"{service}.{role}.{others.pop('label', 'x')}", service=service, role=role,
                   input=others.pop("url", "u"), outcome=outcome, block_type=block_type, **others)


def row(outcome: Outcome, *, k: int = 0, n: int = 1, role: Role = "chat", service: str = "whatsapp",
        **others: Any) -> ServiceVerdict:
    return ServiceVerdict(service=service, role=role, outcome=outcome, k=k, n=n, **others)


def answer(verdicts: Sequence[Verdict], rows: Sequence[ServiceVerdict], *, facts: CatalogueFacts | None = None,
           **changes: Any) -> RunAnswer:
    return answer_run(replace(RUN, **changes), verdicts, rows, facts or CatalogueFacts(services={}, roles={}))


def part_of(told: RunAnswer, part: str = "chat", service: str = "whatsapp") -> PartAnswer:
    (found,) = (p for one, p in told.list_parts() if (one.service, p.part) == (service, part))
    return found


@pytest.mark.parametrize(("verdicts", "told", "state"), [
    ((verdict("ok"),), row("ok"), "works"),
    ((verdict("ok", intermittent="1/8"),), row("ok"), "at_times"),
    ((verdict("ok"), verdict("inconclusive", "inconclusive.unplaced", label="y")), row("ok", n=2), "partly_fails"),
    ((verdict("ok"), verdict("ok", label="z"), verdict("inconclusive", "inconclusive.unplaced", label="y")),
     row("ok", n=3), "mostly"),
    ((verdict("blocked", "tls.reset.sni"),), row("blocked", k=1), "blocked"),
    ((verdict("blocked", "tls.reset.sni"),), row("blocked", k=1, partial=True), "partly_blocked"),
    ((verdict("blocked", "tls.reset.sni"), verdict("ok", label="y")), row("ok", k=1, n=2), "partly_blocked"),
    ((verdict("inconclusive", "inconclusive.unplaced"),), row("inconclusive", n=0), "suspected"),
    ((verdict("inconclusive", "inconclusive.unconfirmed"),), row("inconclusive", n=0), "undecided"),
    ((verdict("inconclusive", "inconclusive.vantage"),), row("inconclusive", n=0), "not_judged"),
    ((verdict("down", "server.rate_limited"),), row("down"), "busy"),
    ((verdict("down", "server.error"),), row("down"), "down"),
    ((verdict("down", "server.restricted"),), row("down"), "refuses"),
    ((verdict("network", "network.shutdown"),), row("network", n=0), "not_reached"),
    ((verdict("local", "local.captive_portal"),), row("local", n=0), "not_judged"),
    ((verdict(NOT_ATTEMPTED, reason=lack_level(2)),), row(NOT_ATTEMPTED, n=0, not_attempted=1), "not_tested"),
])
def test_each_outcome_is_told_as_what_it_is(verdicts: Sequence[Verdict], told: ServiceVerdict,
                                                state: PartState) -> None:
    assert part_of(answer(verdicts, [told])).state == state


@pytest.mark.parametrize(("passed_bytes", "word", "state"), [
    (2_000, "unknown", "too_little"), (15_999, "unknown", "too_little"), (16_000, "works", "works"),
    (0, "works", "works"), (20_000, "unknown", "reached_only"),
])
def test_pictures_work_where_a_picture_came(passed_bytes: int, word: Answer, state: PartState) -> None:
    """A row from before volumes were counted has no bytes and keeps its word."""
    told = answer([verdict("ok", role="media", passed_bytes=passed_bytes)], [row("ok", role="media", answer=word)])
    assert part_of(told, "media").state == state
    assert not any(" work" in line and "whether" not in line for line in describe_answer(told)) or word == "works"


@given(st.sampled_from([*OUTCOMES, NOT_ATTEMPTED]), st.integers(0, 3), st.booleans(), st.sampled_from(["", "2/9"]))
def test_a_part_claims_no_more_than_its_row(outcome: Outcome, k: int, partial: bool, share: str) -> None:
    tried = outcome != NOT_ATTEMPTED
    k = max(k, 1) if outcome == "blocked" else k if tried else 0
    told = answer([verdict(outcome, intermittent=share)], [row(outcome, k=k, n=max(k, 1), partial=partial)])
    state = part_of(told).state
    well = ("works", "at_times", "mostly", "partly_fails", "reached_only", "too_little")
    assert (state in well) <= (outcome == "ok" and not k)
    assert (state in ("blocked", "partly_blocked")) == bool(k)
    assert state in SAYING or not tried or outcome in ("network", "local")
    assert told.says_nothing is (state not in SAYING)


def test_of_the_catalogue_no_chat_is_said_to_work_at_the_first_level_whose_own_words_were_not_said() -> None:
    """The names, as a run of the default level takes them: all that may be tried answers."""
    chosen = select_sites(CATALOGUE, tier=1, cc="ZZ", consent_level=1, families=(4, 6), seed=1)
    tried = [e for site in chosen.sites for e in site.endpoints]
    verdicts = [verdict("ok", role=e.role, service=e.service, url=e.input, label=e.target_id) for e in tried]
    verdicts += [verdict(NOT_ATTEMPTED, role=e.role, service=e.service, url=e.input, label=e.target_id, reason=why)
                 for e, why in chosen.skipped.values()]
    verdicts = [replace(v, target_id=v.target_id.split(".", 2)[2]) for v in verdicts]
    roles = {(v.service, v.role) for v in verdicts}
    rows = [row("ok" if any((v.service, v.role, v.outcome) == (*key, "ok") for v in verdicts) else NOT_ATTEMPTED,
                service=key[0], role=key[1],
                not_attempted=sum((v.service, v.role, v.outcome) == (*key, NOT_ATTEMPTED) for v in verdicts))
            for key in sorted(roles)]
    told = answer(verdicts, rows, facts=FACTS)
    for service in ("whatsapp", "wechat", "telegram", "viber", "threema"):
        chat = part_of(told, service=service)
        assert (chat.state, chat.why, chat.level) in (("not_tested", "level", 2), ("reached_only", "level", 2)), service
    assert part_of(told, "web", "whatsapp").state == "works"
    assert part_of(told, "calls", "whatsapp").state == "needs_account"
    assert "level" in told.steps


@pytest.mark.parametrize(("reason", "why", "level"), [
    (lack_level(3), "level", 3), (lack_level(2, whole_service=True), "level", 2),
    (lack_library("aioquic"), "library", 0),
    ("needs aioquic, which is not installed: and what older versions advised", "library", 0),
    (lack_route(6), "family", 0), (RAN_OUT, "time", 0), ("what no version ever said", "other", 0), ("", "other", 0),
])
def test_reasons_are_read_as_they_were_written(reason: str, why: UntestedWhy, level: int) -> None:
    assert read_untested_reason(reason) == (why, level)


def test_every_reason_of_the_selection_has_a_word() -> None:
    chosen = select_sites(CATALOGUE, tier=3, cc="ZZ", consent_level=1, families=(), seed=1, skip_services=("signal",),
                          lacking=frozenset({"aioquic"}))
    assert "other" not in {read_untested_reason(why)[0] for _, why in chosen.skipped.values()}


@pytest.mark.parametrize(("changes", "word"), [
    ({"outcome": "local", "block_type": "local.offline"}, "offline"),
    ({"outcome": "local", "block_type": "local.captive_portal"}, "portal"),
    ({"outcome": "local", "block_type": "local.clock"}, "clock"),
    ({"outcome": "network", "block_type": "network.shutdown"}, "nobody"),
    ({"outcome": "network", "block_type": "network.allowlist.name"}, "allowlist"),
    ({"outcome": "local", "block_type": "local.of_another_version"}, "device"),
    ({"outcome": "inconclusive", "suspected": "network.allowlist.data"}, "perhaps_listed"),
    ({"also": ("dns.encrypted",)}, "encrypted_dns"), ({"vantage": Vantage(vantage_doubt=("country",))}, "place"),
    ({"ladder": ("tunnel:full",)}, "vpn"), ({"conditions": ("network:changed",), "ladder": ("tunnel:full",)}, "moved"),
])
def test_what_kept_a_run_from_seeing_is_told_once(changes: dict[str, Any], word: Circumstance) -> None:
    told = answer([verdict("local", "local")], [row("local", n=0)], **changes)
    assert told.circumstances == (word,)
    assert (find_stop(told) is not None) == CIRCUMSTANCES[word].stops


@pytest.mark.parametrize(("outcome", "cause", "count", "words"), [
    ("local", "local.firewall", 3, ("firewall",)), ("network", "network", 3, ("network",)),
    ("local", "local.firewall", 2, ()), ("local", "local.ipv6", 3, ()),
])
def test_what_stops_most_tests_is_told_though_the_references_answer(
    outcome: Outcome, cause: str, count: int, words: tuple[Circumstance, ...],
) -> None:
    stopped = [verdict(outcome, cause, label=str(n)) for n in range(count)]
    well = [verdict("ok", label=f"w{n}") for n in range(4 - count)]
    assert answer([*stopped, *well], [row("ok")]).circumstances == words


def test_a_run_that_was_cut_off_says_how_much_is_missing() -> None:
    late = [verdict(NOT_ATTEMPTED, label=str(n), reason=RAN_OUT) for n in range(3)]
    told = answer([verdict("ok", role="web", label="w"), *late], [row("ok", role="web"), row(NOT_ATTEMPTED, n=0)])
    assert told.circumstances == ("cut_off",)
    assert (told.missing.tests, told.missing.chosen, told.missing.more_s) == (3, 4, 90.0)
    assert (part_of(told).state, part_of(told).why) == ("not_tested", "time")
    assert "longer" in told.steps
    assert "cut_off" not in answer([verdict("ok")], [row("ok")]).circumstances


def test_what_its_maker_closed_is_neither_blocked_nor_well() -> None:
    told = answer([verdict("down", "server.retired", service="icq")], [row("down", service="icq")], facts=FACTS)
    assert [(one.retired, one.parts) for one in told.services] == [(True, ())]
    assert told.counts == {}


def test_steps_of_a_block_begin_with_what_it_rests_on() -> None:
    blocked = verdict("blocked", "tls.reset.sni", basis="time", confidence=0.8, confirmed=True)
    told = answer([blocked], [row("blocked", k=1, block_types=("tls.reset.sni",))])
    chat = part_of(told)
    assert (chat.causes, chat.bases) == (("tls.reset.sni",), ("time",))
    assert (chat.sureness, chat.confidence) == ("confirmed", 0.8)
    assert {"show", "again", "compare", "keep", "report", "safety"} <= set(told.steps)
    assert answer([verdict("ok")], [row("ok")]).steps == ()


def test_a_block_is_traced_to_its_first_run() -> None:
    key: tuple[str, Role] = ("whatsapp", "chat")
    earlier = [("c", [row("blocked", k=1)]), ("b", [row("inconclusive")]), ("a2", [row("ok", k=1, n=2)]),
               ("a", [row("ok")]), ("0", [row("blocked", k=1)])]
    seen = trace_blocks([key], "d", earlier, cut=True)[key]
    assert (seen.since, seen.runs, seen.last_well, seen.at_least) == ("a2", 3, "a", False)
    seen = trace_blocks([key], "d", earlier[:2], cut=True)[key]
    assert (seen.since, seen.runs, seen.last_well, seen.at_least) == ("c", 2, "", True)


def test_spans_join_what_says_the_same() -> None:
    assert join_spans([("1", "ok"), ("2", "ok"), ("3", "blocked"), ("4", "ok")]) == (
        Span(first="1", last="2", runs=2, said="ok"), Span(first="3", last="3", runs=1, said="blocked"),
        Span(first="4", last="4", runs=1, said="ok"))


@given(st.lists(st.tuples(st.sampled_from(["a\x1b[2J", "whatsapp", "icq"]), st.sampled_from(list(ROLES)),
                          st.sampled_from([*OUTCOMES, NOT_ATTEMPTED]), st.text(max_size=20)), max_size=8))
def test_whatever_a_run_says_can_be_told(said: list[tuple[str, Role, Outcome, str]]) -> None:
    told = answer([verdict(outcome, text, role=role, service=service) for service, role, outcome, text in said],
                  [row(outcome, role=role, service=service, k=int(outcome == "blocked"), block_types=(text,))
                   for service, role, outcome, text in said], facts=FACTS)
    lines = list(describe_answer(told))
    assert not any(character < " " or character == "\x7f" for line in lines for character in line)
    assert encode_answer(told)["run_id"] == "r"


@pytest.mark.parametrize(("roles", "said"), [
    (("api",), "account works"), (("chat", "api"), "chat and account work"), (("media",), "files work"),
    (("web",), "web works"),
])
def test_one_part_takes_a_singular_and_is_joined_once(roles: tuple[Role, ...], said: str) -> None:
    told = answer([verdict("ok", role=role) for role in roles], [row("ok", role=role) for role in roles])
    (line,) = map(describe_service_answer, told.services)
    assert line.endswith(said), line


def test_every_word_has_what_it_says() -> None:
    assert set(get_args(PartState)) == set(PART_STATES)
    assert set(get_args(Circumstance)) == set(CIRCUMSTANCES)
    assert set(get_args(UntestedWhy)) == set(UNTESTED_WHYS)


@pytest.mark.parametrize(("controls", "alone"), [
    (("none",), True), (("failed", "none"), True), (("none", "contrary"), False),
])
def test_that_nobody_could_be_asked_is_said_only_where_nobody_answered(controls: tuple[Any, ...], alone: bool) -> None:
    failing = [verdict("inconclusive", "inconclusive.no_control", label=str(n), control=word)
               for n, word in enumerate(controls)]
    assert ("no_control" in answer(failing, [row("inconclusive", n=0)]).circumstances) is alone


@pytest.mark.parametrize(("said", "first", "second", "told"), [
    ([("no_control", "none"), ("control_failed", "failed"), ("unplaced", "none")], 2, 0, "no_control"),
    ([("no_control", "none"), ("unplaced", "contrary")], 1, 0, "one_control"),
    ([("control_doubtful", "agrees"), ("control_doubtful", "contrary")], 0, 1, "second_control"),
    ([("control_failed", "contrary")], 0, 0, ""), ([], 0, 0, ""),
])
def test_what_one_more_control_would_decide_is_counted(said: list[tuple[str, Any]], first: int, second: int,
                                                       told: str) -> None:
    failing = [verdict("inconclusive", f"inconclusive.{word}", label=str(n), control=control)
               for n, (word, control) in enumerate(said)]
    found = answer(failing, [row("inconclusive", n=0)])
    assert (found.awaiting.first, found.awaiting.second) == (first, second)
    assert encode_answer(found)["awaiting_controls"] == {"first": first, "second": second}
    assert {"no_control", "one_control", "second_control"} & set(found.circumstances) == ({told} if told else set())
    assert not told or any(FIRST_CONTROL in line for line in describe_answer(found))
