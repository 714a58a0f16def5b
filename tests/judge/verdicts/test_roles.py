"""A role of a service: k of n over endpoints, what its targets make of it, and what a person is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observations import endpoint, path
from probe.catalogue.packaged import load_account_needs
from probe.core.tables.block_types import BLOCK_TYPES, CauseId
from probe.core.tables.outcomes import NOT_ATTEMPTED, OUTCOMES, Outcome
from probe.core.tables.roles import ALL, ANY, Role
from probe.core.verdicts import ServiceVerdict
from probe.judge.verdicts.combine import combine_paths
from probe.judge.verdicts.judged_endpoint import JudgedEndpoint, PathVerdict
from probe.judge.verdicts.role_verdicts import Quorum, judge_role, judge_services
from probe.judge.verdicts.rule_verdict import make_bare_verdict
from probe.judge.verdicts.service_sentences import describe_service, describe_services
from probe.upkeep.commands.run_summary import describe_run
from probe_analysis.pages.language import find_block_type
from stored import a_result

WORDS: dict[str, Outcome] = {
    "o": "ok", "b": "blocked", "i": "inconclusive", "d": "down", "n": "network", "l": "local", "-": NOT_ATTEMPTED,
}


def verdict(*targets: str, quorum: Quorum = 0, service: str = "chat") -> ServiceVerdict:
    """Of a role whose targets have endpoints as `mtproto:ob http:o` says: protocols, and a letter for each endpoint."""
    found: dict[str, list[JudgedEndpoint]] = {}
    for n, target in enumerate(targets):
        for part in target.split():
            protocol, _, letters = part.rpartition(":")
            for letter in letters:
                members = found.setdefault(f"{service}.chat.t{n}", [])
                place = endpoint(f"tcpconnect://t{n}.example:{len(members) + 1}", protocol=protocol or "mtproto",
                                 service=service, role="chat", target_id=f"{service}.chat.t{n}")
                cause: CauseId = "ip.blackhole" if letter == "b" else ""
                members.append(JudgedEndpoint(endpoint=place, verdict=replace(make_bare_verdict(place, WORDS[letter]),
                                                                              block_type=cause)))
    (row,) = judge_services(found, {(service, "chat"): quorum} if quorum else {}, {})
    return row


@pytest.mark.parametrize(("targets", "quorum", "outcome", "k", "n", "partial"), [
    (("o", "o"), 0, "ok", 0, 2, False),
    (("o", "b", "b"), 0, "blocked", 2, 3, True),
    (("o", "o", "b"), 0, "ok", 1, 3, True),
    (("o", "b"), 0, "ok", 1, 2, True),
    (("o", "b", "b"), 1, "ok", 2, 3, True),
    (("o", "b", "b"), ANY, "ok", 2, 3, True),
    (("o", "b"), 2, "blocked", 1, 2, True),
    (("o", "o", "b"), ALL, "blocked", 1, 3, True),
    (("o", "o"), 5, "ok", 0, 2, False),
    (("b", "b"), 0, "blocked", 2, 2, False),
    (("i", "b"), 0, "inconclusive", 1, 1, False),
    (("i", "i", "b"), ANY, "inconclusive", 1, 1, False),
    (("i", "b", "b"), ANY, "blocked", 2, 2, False),
    (("i", "i", "i", "o"), 0, "inconclusive", 0, 1, False),
    (("i", "o"), 0, "ok", 0, 1, False),
    (("i", "o", "o"), ALL, "inconclusive", 0, 2, False),
    (("i", "d"), 0, "inconclusive", 0, 1, False),
    (("d", "d", "b", "o"), 0, "ok", 1, 4, True),
    (("d", "d"), 2, "down", 0, 2, False),
    (("d", "o"), ALL, "down", 0, 2, False),
    (("d", "b"), ALL, "down", 1, 2, True),
    (("l", "-"), 0, "local", 0, 0, False),
    (("n", "n"), 0, "network", 0, 0, False),
    (("-",), 0, NOT_ATTEMPTED, 0, 0, False),
    (("-",), ANY, NOT_ATTEMPTED, 0, 0, False),
])
def test_a_role_is_k_of_n(targets: tuple[str, ...], quorum: Quorum, outcome: Outcome, k: int, n: int,
                          partial: bool) -> None:
    row = verdict(*targets, quorum=quorum)
    assert (row.outcome, row.k, row.n, row.partial) == (outcome, k, n, partial)


@pytest.mark.parametrize(("targets", "outcome", "k", "n"), [
    (("obb", "obb"), "ok", 4, 6),  # one port of each place is left, and that is enough
    (("obb", "bbb", "bbb"), "blocked", 8, 9),
    (("bii", "bii"), "inconclusive", 2, 2),
    (("bbi", "bbi"), "blocked", 4, 4),
    (("b--", "o--"), "ok", 1, 2),
    (("mtproto:bbb http:o", "mtproto:bbb http:o"), "blocked", 6, 8),  # a page in the clear carries no message
    (("mtproto:i http:o",), "inconclusive", 0, 1),
    (("mtproto:o http:b",), "ok", 1, 2),
    (("mtproto:- http:o",), "ok", 0, 1),  # nobody agreed to say more
    (("mmtls:bb", "mmtls:bb", "quic:o", "quic:o", "quic:o"), "blocked", 4, 7),
    (("mmtls:i", "quic:b", "quic:b"), "inconclusive", 2, 2),
    (("dns:o stun:b",), "blocked", 1, 2),
    (("dns:o", "http:b"), "blocked", 1, 2),
])
def test_places_are_judged_by_the_strongest_words_and_endpoints_counted(targets: tuple[str, ...], outcome: Outcome,
                                                                        k: int, n: int) -> None:
    row = verdict(*targets)
    assert (row.outcome, row.k, row.n, row.partial) == (outcome, k, n, k < n and k > 0)


def test_what_is_blocked_is_listed_by_endpoint_and_by_target() -> None:
    row = verdict("ob", "o", "b")
    assert row.blocked_targets == ("chat.chat.t0", "chat.chat.t2")
    assert row.blocked_inputs == ("tcpconnect://t0.example:2", "tcpconnect://t2.example:1")
    assert row.block_types == ("ip.blackhole",)


def _path(outcome: Outcome, family: int, depth: int = 2) -> PathVerdict:
    return path(family=family, depth=depth), make_bare_verdict(endpoint(), outcome)


@pytest.mark.parametrize(("paths", "families", "figures"), [
    ((_path("blocked", 4), _path("ok", 6)), ((4, "blocked"), (6, "ok")), (1, 1, 0, 1)),
    ((_path("ok", 4), _path("blocked", 6)), ((4, "ok"), (6, "blocked")), (0, 1, 1, 1)),
    ((_path("ok", 4), _path("blocked", 6, depth=1)), ((4, "ok"),), (0, 1, 0, 0)),
    ((_path("ok", 4), _path("blocked", 4), _path("inconclusive", 6)), ((4, "blocked"), (6, "inconclusive")),
     (1, 1, 0, 0)),
    ((_path("down", 4), _path("down", 6)), ((4, "down"), (6, "down")), (0, 1, 0, 1)),
])
def test_address_families_are_counted_apart(paths: tuple[PathVerdict, ...], families: tuple[tuple[int, str], ...],
                                            figures: tuple[int, ...]) -> None:
    judged = combine_paths(endpoint(), paths)
    assert judged.by_family == families
    (row,) = judge_services({"chat.web.main": [judged]}, {}, {})
    assert (row.k_ipv4, row.n_ipv4, row.k_ipv6, row.n_ipv6) == figures


def test_a_name_that_is_not_resolved_belongs_to_no_family() -> None:
    judged = JudgedEndpoint(endpoint=endpoint(), verdict=make_bare_verdict(endpoint(), "blocked"))
    (row,) = judge_services({"t": [judged]}, {}, {})
    assert (row.k, row.n, row.n_ipv4, row.n_ipv6) == (1, 1, 0, 0)


LETTERS = st.text("obidnl-", min_size=1, max_size=4)
QUORUMS = st.one_of(st.integers(0, 4), st.sampled_from([ANY, ALL]))


@given(st.lists(LETTERS, min_size=1, max_size=6), QUORUMS)
def test_no_role_is_blocked_or_ok_without_a_reason(
        targets: list[Outcome], quorum: Quorum) -> None:
    row, letters = verdict(*targets, quorum=quorum), "".join(targets)
    assert row.outcome in (*OUTCOMES, NOT_ATTEMPTED)
    assert row.k == letters.count("b")
    assert row.n == sum(map(letters.count, "obd"))
    assert row.not_attempted == letters.count("-")
    assert (row.outcome == "blocked") <= (row.k > 0)
    assert (row.outcome == "ok") <= ("o" in letters)
    assert (row.outcome == NOT_ATTEMPTED) == (set(letters) == {"-"})


@given(st.lists(st.sampled_from(["ok", "blocked", "inconclusive", "down"]), min_size=3, max_size=8))
def test_without_a_quorum_neither_one_block_nor_one_answer_decides_among_many(targets: list[Outcome]) -> None:
    outcome = judge_role(targets, 0)
    alive = len(targets) - targets.count("down")
    if alive >= 3:
        assert outcome != "blocked" or targets.count("blocked") > 1
        assert outcome != "ok" or targets.count("ok") > 1
    if "ok" in targets:
        assert judge_role(targets, ANY) == "ok"


@given(st.lists(st.sampled_from(["ok", "blocked", "inconclusive"]), min_size=1, max_size=8), QUORUMS)
def test_what_is_undecided_could_not_turn_a_block_into_an_answer_nor_back(
        targets: list[Outcome], quorum: Quorum) -> None:
    outcome = judge_role(targets, quorum)
    if outcome == "ok":
        assert judge_role([("blocked" if t == "inconclusive" else t) for t in targets], quorum) == "ok"
    if outcome == "blocked" and "ok" in targets:
        assert judge_role([("ok" if t == "inconclusive" else t) for t in targets], quorum) == "blocked"


# --- in words


def row(role: Role, outcome: Outcome, k: int = 0, n: int = 1, **changes: Any) -> ServiceVerdict:
    causes = changes.pop("block_types", ("ip.blackhole",) if k else ())
    partial = changes.pop("partial", 0 < k < n)
    return ServiceVerdict(service="whatsapp", role=role, outcome=outcome, k=k, n=n, partial=partial,
                          block_types=causes, **changes)


@pytest.mark.parametrize(("rows", "line"), [
    ((row("chat", "ok"), row("web", "ok"), row("call", "blocked", 1, block_types=("udp",))),
     "calls blocked (UDP), chat and web ok"),
    ((row("chat", "blocked", 4, 6), row("web", "ok"), row("api", "ok"), row("store", NOT_ATTEMPTED)),
     "chat blocked for the most part (IP; 4 of 6 endpoints), web and api ok"),
    ((row("chat", "ok", 1, 6), row("web", "inconclusive")),
     "chat partly blocked (IP; 1 of 6 endpoints), web undecided"),
    ((row("chat", "inconclusive", 1, 1), row("web", "down")),
     "chat partly blocked (IP; 1 of 1 endpoints), web down by itself"),
    ((row("chat", "ok", 5, 10, k_ipv6=5, n_ipv6=5, n_ipv4=5),),
     "chat partly blocked (IP; 5 of 10 endpoints; over IPv6 alone)"),
    ((row("chat", "ok", 5, 10, k_ipv4=5, n_ipv4=5, n_ipv6=5),),
     "chat partly blocked (IP; 5 of 10 endpoints; over IPv4 alone)"),
    ((row("chat", "ok", 1, 1, partial=True, k_ipv4=1, n_ipv4=1),), "chat partly blocked (IP; 1 of 1 endpoints)"),
    ((row("chat", "blocked", 2, 2, block_types=("dns.forged", "tls.mitm", "tls.reset")),
      row("register", "blocked", 2, 2, block_types=("dns.forged", "tls.mitm"))),
     "chat and sign-up blocked (DNS; TLS)"),
    ((row("chat", "local"), row("web", "network")),
     "chat undecided: stopped near this device, web undecided: the whole network is disturbed"),
    ((row("chat", NOT_ATTEMPTED),), "not measured"),
])
def test_a_line_says_what_is_blocked_first_and_what_is_well_last(rows: tuple[ServiceVerdict, ...], line: str) -> None:
    assert describe_service("WhatsApp", rows) == f"WhatsApp: {line}"


def test_a_line_says_what_nobody_can_measure_without_an_account() -> None:
    rows = (row("chat", "blocked", 1), row("web", "ok"))
    unseen = "calls not measured (an account is needed)"
    assert describe_service("WhatsApp", rows, ("calls",)) == f"WhatsApp: chat blocked (IP), web ok, {unseen}"
    assert describe_service("X", (), ("calls", "chat_gateway")) == (
        "X: not measured, calls and the chat gateway not measured (an account is needed)")
    assert list(describe_services(rows, {}, load_account_needs())) == [f"whatsapp: chat blocked (IP), web ok, {unseen}"]
    assert {name: load_account_needs()[name] for name in ("telegram", "line", "facetime", "signal", "imo")} == {
        "telegram": ("calls",), "line": ("calls",), "facetime": ("call_media",), "signal": ("group_calls",),
        "imo": ("chat_gateway",)}


def test_only_services_of_which_something_is_blocked_get_a_line() -> None:
    other = ServiceVerdict(service="delta_chat", role="chat", outcome="blocked", k=1, n=1, block_types=("dns",))
    rows = (row("chat", "ok"), row("web", "inconclusive"), other)
    assert list(describe_services(rows)) == ["delta chat: chat blocked (DNS)"]
    assert list(describe_services(rows, {"delta_chat": "Delta Chat"})) == ["Delta Chat: chat blocked (DNS)"]


@given(st.sampled_from([*OUTCOMES, NOT_ATTEMPTED]), st.integers(0, 3), st.integers(0, 3), st.booleans())
def test_a_line_never_calls_a_role_blocked_or_ok_that_is_not(outcome: Outcome, k: int, more: int,
                                                                partial: bool) -> None:
    if outcome == "blocked" and not k:
        k = 1
    line = describe_service("X", [row("chat", outcome, k, k + more, partial=partial)])
    assert ("chat blocked" in line) == (outcome == "blocked")
    assert line.endswith("chat ok") == (outcome == "ok" and not k)


@pytest.mark.parametrize("word", ["ip.allowlist", "tcp.rate", "tls.drop.version", "http.reset.url", "local.limit"])
def test_words_that_older_versions_gave_stay_readable(word: Any) -> None:
    """Rows keep them; what they mean is told by the deepest word that is left."""
    assert word not in BLOCK_TYPES
    known = find_block_type(word)
    assert known is not None
    assert word.startswith(f"{known.id}.")
    old = replace(a_result(), run=replace(a_result().run, outcome="local", block_type=word, also=(word,)))
    assert any(word in line for line in describe_run(old, {}))


def test_a_run_s_summary_says_who_is_on_a_network_s_list() -> None:
    run = replace(a_result().run, outcome="inconclusive", block_type="inconclusive.unplaced",
                  suspected="network.allowlist.address", listed=("telegram", "viber"))
    lines = list(describe_run(replace(a_result(), run=run), {}))
    assert any(line.endswith("telegram, viber") for line in lines)
    assert any("network.allowlist.address" in line for line in lines)


def test_a_run_s_summary_tells_each_service_by_its_own_name() -> None:
    role = ServiceVerdict(service="whatsapp", role="chat", outcome="blocked", k=1, n=1, block_types=("app.drop",))
    result = replace(a_result(), services=(role, *a_result().services))
    line = "WhatsApp: chat blocked (its protocol), calls not measured (an account is needed)"
    assert line in list(describe_run(result, {}))


def test_a_run_s_summary_tells_which_shapes_are_struck_and_where() -> None:
    result = a_result()
    (verdict,) = result.verdicts
    struck = replace(verdict, outcome="inconclusive", struck=("safari",), spared=("library", "chrome"))
    lines = list(describe_run(replace(result, verdicts=(struck,)), {}))
    assert [verdict.target_id in line for line in lines if "shape of safari" in line] == [True]
    spared = replace(verdict, spared=("chrome",))
    assert not any("shape of" in line for line in describe_run(replace(result, verdicts=(spared,)), {}))
