"""A messenger's own protocol from the catalogue's row to its verdict: sites, plans, evidence, what controls tell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from observations import EOF, HERE4, HOST, RESET, TIMEOUT, WELL, endpoint, lookup, numbered, operation, site_of, told
from probe.catalogue.sites import Site
from probe.core.endpoints import Endpoint
from probe.core.observations import ControlAnswer, Observation
from probe.core.places import Place
from probe.core.tables.failures import Failure
from probe.core.tables.handshakes import INNOCENT_HTTP
from probe.instruments.steps import Visit
from probe.judge.app.app_evidence import read_control_word, read_innocent_word
from probe.judge.path.path_evidence import PathEvidence, gather_path_evidence
from probe.judge.verdicts.classify import judge_run
from probe.judge.verdicts.site_case import RunContext, SiteCase
from probe.session.planning.next_steps import plan_next_steps
from probe.session.planning.plan_context import PlanContext, SiteHistory

PLACE = Place(HERE4, 443)
CHAT = f"tcpconnect://{HOST}:443"
FRAME = PlanContext(network_resolver="93.184.0.53", controls=("a", "b"))


def messenger(protocol: str = "mtproto", url: str = CHAT, **changes: Any) -> Endpoint:
    return endpoint(url, protocol=protocol, **changes)


def said(failure: Failure = "", proof: str = "", attempt: int = 1, **changes: Any) -> list[Observation]:
    """A visit that connects and says the first words."""
    common: dict[str, Any] = dict(input=CHAT, sni="", attempt=attempt, protocol="mtproto")
    return [operation("connect", **common),
            operation("app_round_trip", failure=failure, proof=proof, trust="", **common | changes)]


def innocent(failure: Failure = "", acked: str = "yes", **changes: Any) -> list[Observation]:
    common: dict[str, Any] = dict(input="", sni="", target_id="", purpose="innocent", hostname="www.example.com",
                                  protocol=INNOCENT_HTTP)
    return [operation("connect", **common),
            operation("app_round_trip", failure=failure, acked=acked, trust="", **common | changes)]


def evidence(visits: list[Observation], *, around: list[Observation] | None = None,
             controls: tuple[ControlAnswer, ...] = ()) -> PathEvidence:
    return gather_path_evidence(site_of(messenger()), messenger(), HERE4, visits=numbered(visits),
                                around=tuple(around or ()), controls=controls)


def control(word: str, name: str = "a") -> ControlAnswer:
    return told(name, input=CHAT, tcp=((PLACE, ""),), app=((PLACE, word),))


# ---- sites

@pytest.mark.parametrize(("url", "protocol", "sni", "upgrades"), [
    (CHAT, "mtproto", "", False), (f"tlshandshake://{HOST}:993", "imap", HOST, False),
    (f"tcpconnect://{HOST}:5222", "xmpp_starttls", "", True),
])
def test_tls_comes_where_the_protocol_has_it(url: str, protocol: str, sni: str, upgrades: bool) -> None:
    site = site_of(messenger(protocol, url, trust="web_pki" if protocol != "mtproto" else "none"))
    assert (site.kind, site.app, site.sni, site.app_name, site.upgrades) == ("app", protocol, sni, HOST, upgrades)
    assert site.proves_itself is (protocol != "mtproto")


# ---- what is done

def steps(visits: list[Observation], around: list[Observation] | None = None, site: Site | None = None) -> list[Visit]:
    seen = SiteHistory(dns=numbered([lookup(HERE4), lookup(HERE4, resolver="system")]), visits=numbered(visits),
                       around=tuple(around or ()))
    return [s for s in plan_next_steps(site or site_of(messenger()), seen, FRAME) if isinstance(s, Visit)]


def test_first_words_are_said_and_innocent_bytes_only_after_a_failure() -> None:
    (first,) = steps([])
    assert (first.app, first.app_name, first.purpose, first.sni) == ("mtproto", HOST, "target", "")
    assert not steps(said(proof="proven"))
    (beside,) = steps(said(TIMEOUT))
    assert (beside.purpose, beside.app, beside.app_name, beside.pages) == ("innocent", INNOCENT_HTTP, FRAME.innocent,
                                                                           ())
    (again,) = steps(said(TIMEOUT), innocent())
    assert (again.purpose, again.attempt, again.app) == ("target", 2, "mtproto")
    (again,) = steps(said(proof="foreign"), innocent())
    assert again.attempt == 2
    after = steps([o for n in (1, 2, 3) for o in said(RESET, attempt=n)], innocent())
    assert {(s.purpose, s.app) for s in after} == {("residual", INNOCENT_HTTP)}


def test_beside_what_http_carries_in_the_clear_the_own_name_is_asked_for() -> None:
    """Else a block of the name would look like one of the protocol."""
    url = f"http://{HOST}/mmtls/"
    site = site_of(messenger("mmtls_http", url))
    (first,) = steps([], site=site)
    assert (first.app, first.app_url, first.sni, first.port, first.pages) == ("mmtls_http", url, "", 80, ())
    failed = said(TIMEOUT, input=url, protocol="mmtls_http", port=80)
    (beside,) = steps(failed, site=site)
    assert (beside.purpose, beside.app, beside.app_name) == ("innocent", INNOCENT_HTTP, HOST)


def test_within_tls_an_innocent_name_is_shaken_hands_with_first() -> None:
    site = site_of(messenger("mtproto_ws", f"wss://{HOST}/apiws", trust="web_pki"))
    (before,) = steps([], site=site)
    assert (before.purpose, before.sni, before.app) == ("innocent", FRAME.innocent, "")


# ---- evidence

def test_the_status_of_a_foreign_answer_is_evidence_and_no_other() -> None:
    assert evidence(three("", "foreign", status=403)).http.status == 403
    assert evidence(said("", "refused", status=403)).http.status == 0
    assert evidence([*three("", "foreign", status=403), *said("", "answered", attempt=4, status=200)]).http.status == 0


def test_a_repeated_number_proves_the_service() -> None:
    e = evidence(said(proof="proven"))
    assert (e.proven, e.stage, e.last_ok, e.app.proof) == (True, "", True, "proven")
    e = evidence(said(proof="answered"))
    assert (e.proven, e.stage, e.last_ok) == (False, "", True)


@pytest.mark.parametrize(("failure", "proof"), [(TIMEOUT, ""), (RESET, ""), (EOF, ""), ("", "foreign"), ("", "")])
def test_all_else_is_a_failure_of_the_protocol(failure: Failure, proof: str) -> None:
    e = evidence([o for n in (1, 2, 3) for o in said(failure, proof, attempt=n)])
    assert (e.stage, e.failure, e.failed_attempts, e.same_failure, e.last_ok) == ("app", failure, 3, True, False)


def test_an_answer_that_is_cut_off_behind_it_is_a_failure_too() -> None:
    e = evidence([o for n in (1, 2, 3) for o in said(TIMEOUT, "proven", attempt=n, acked="no")])
    assert (e.stage, e.acked, e.proven, e.failed_attempts) == ("app", "no", True, 3)


@pytest.mark.parametrize(("around", "word"), [
    ([], "unasked"), (innocent(), "reached"), (innocent(TIMEOUT), "carried"), (innocent(TIMEOUT, "no"), "failed"),
    (innocent(RESET), "failed"), (innocent(RESET, tainted_by="r.1"), "tainted"), (innocent(port=80), "unasked"),
])
def test_what_innocent_bytes_met_with(around: list[Observation], word: str) -> None:
    around = [replace(o, port=80) for o in around] if word == "unasked" else around
    assert read_innocent_word(around, HERE4, 443) == word


@pytest.mark.parametrize(("told_word", "word"), [
    ("proven", "ok"), ("answered", "ok"), ("refused", "ok"), ("foreign", "foreign"), (EOF, "failed"),
])
def test_what_a_control_was_answered(told_word: str, word: str) -> None:
    assert read_control_word(control(told_word), PLACE) == word
    elsewhere = Place("198.51.100.1", 443)
    assert read_control_word(control(told_word), elsewhere) == word, "known of another place of the service"
    assert read_control_word(told(tcp=((PLACE, ""),)), PLACE) == ""


# ---- verdicts

def verdict(visits: list[Observation], around: list[Observation], *controls: ControlAnswer) -> tuple[str, str]:
    names = [lookup(HERE4), lookup(HERE4, resolver="google")]
    case = SiteCase(site=site_of(messenger()), dns=numbered(names), visits=numbered(visits),
                around=numbered(around), controls=controls)
    (got,), _ = judge_run([case], {}, RunContext(ladder=WELL, quorums={}, cc="RU", private_roots={}))
    suspected = got.block_type == "inconclusive.unplaced"
    return ("suspected", got.suspected) if suspected else (got.outcome, got.block_type)


def three(failure: Failure = "", proof: str = "", **changes: Any) -> list[Observation]:
    return [o for n in (1, 2, 3) for o in said(failure, proof, attempt=n, **changes)]


BOTH = (control("proven"), control("proven", "b"))
ONLY_TCP = (told("a", input=CHAT, tcp=((PLACE, ""),)), told("b", input=CHAT, tcp=((PLACE, ""),)))


def test_what_is_said_vanishes_beside_innocent_bytes() -> None:
    lost = three(TIMEOUT, acked="no")
    for controls in (BOTH, ONLY_TCP, ()):
        for beside in (innocent(), innocent(TIMEOUT)):
            assert verdict(lost, beside, *controls) == ("suspected", "app.drop.protocol")
    assert verdict(three(TIMEOUT, "proven", acked="no"), innocent(), *BOTH) == ("suspected", "app.drop.protocol")
    for beside in (innocent(TIMEOUT, "no"), []):
        assert verdict(lost, beside, *BOTH)[0] == "inconclusive"
    assert verdict(lost[:2], innocent(), *BOTH)[0] == "inconclusive"


@pytest.mark.parametrize(("failure", "cause"), [(TIMEOUT, "app.mute.protocol"), (RESET, "app.reset.protocol")])
def test_silence_and_resets_need_controls_that_get_the_proof(failure: Failure, cause: str) -> None:
    seen = three(failure, acked="yes")
    assert verdict(seen, innocent(), *BOTH) == ("suspected", cause)
    for controls in (ONLY_TCP, (), (control("foreign"), control("proven", "b")), (control(EOF), BOTH[1])):
        assert verdict(seen, innocent(), *controls)[0] == "inconclusive"
    assert verdict(seen, innocent(TIMEOUT), *BOTH)[0] == "inconclusive"


def test_a_service_that_changed_or_fails_for_all_is_not_blocked() -> None:
    strange = three(proof="foreign")
    assert verdict(strange, innocent(), control("foreign")) == ("inconclusive", "inconclusive.instrument")
    assert verdict(strange, innocent(), *BOTH) == ("inconclusive", "inconclusive.unexplained")
    assert verdict(three(EOF), innocent(), control(EOF), control(EOF, "b")) == ("down", "server.error")
    assert verdict(three(EOF), innocent(), control(EOF))[0] == "inconclusive"
    assert verdict(three(EOF), innocent(), *BOTH)[0] == "inconclusive"


def test_one_proof_acquits() -> None:
    assert verdict(said(proof="proven"), []) == ("ok", "")
    assert verdict([*said(TIMEOUT), *said(proof="refused", attempt=2)], innocent()) == ("ok", "")
