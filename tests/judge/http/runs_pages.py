"""Runs in which pages are refused, connections are, a messenger's first words are, or the whole network is odd."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from observations import EOF, REFUSED, RESET, TIMEOUT, lookup, operation, told
from probe.core.observations import ControlAnswer, Observation
from probe.core.tables.failures import Failure
from probe.core.tables.purposes import Purpose
from probe.judge.network.home_answers import is_home_alone
from probe.judge.network.ladder_evidence import gather_ladder_evidence
from recorded_runs import (
    BOX_MS,
    CHAT,
    INNOCENT,
    ROUTERS,
    THREE,
    TRIP_MS,
    RecordedRun,
    Service,
    connection,
    fails,
    named,
    reached,
    run,
    search,
    trace,
)
from runs_named import back, out

ENDPOINT = CHAT.endpoint
PLACE = f"{CHAT.address}:{CHAT.port}"


def _answered(status: int, **more: Any) -> RecordedRun:
    """The genuine server answers so, again and again."""
    page: dict[str, Any] = dict(last="http_round_trip", status=status, met_expectation="no")
    return run(named(), *(connection(10.0 * n, attempt=n, **page) for n in (1, 2, 3)), **more)


def _proxy_error(service: Service) -> list[Observation]:
    """An error page in the clear which is not the service's."""
    page: dict[str, Any] = dict(last="http_round_trip", status=503, met_expectation="no", title="Cache error",
                                body_bytes=900, body_sha256="1f", url=service.endpoint.input)
    return [*named(service), *(o for n in (1, 2, 3) for o in connection(10.0 * n, service, attempt=n, **page))]


PLAIN_TWO = tuple(replace(s, scheme="http", port=80) for s in THREE[:2])


def _refused(failure: Failure, **said: Any) -> list[Observation]:
    """Attempts to connect that are refused, and another port that a firewall leaves open."""
    seen = connection(0.0, purpose="port", last="connect", end_ms=TRIP_MS,
                      packets=(out(0, "S"), back(TRIP_MS, "SA", ack=1)) if said else ())
    seen = [replace(o, port=8443) for o in seen]
    for n in range(1, 6):
        seen += connection(10.0 * n, attempt=n, last="connect", failure=failure, end_ms=BOX_MS, **said)
    return seen


def _traced(lost_at: int, end: str) -> list[Observation]:
    """The way to the service and to others of two networks; all share the routers."""
    return [trace(CHAT.address, "trace", 443, ROUTERS[:lost_at], end), trace("104.16.5.5", "reference"),
            trace("23.4.5.6", "reference")]


def _others(failing: Failure, *, both: bool) -> tuple[ControlAnswer, ...]:
    """A control that meets the same, and a second that does or tells nothing."""
    bad = ((PLACE, failing),)
    one = told("a", tcp=bad, tls=bad, http_failure=failing)
    return one, told("b", tcp=bad, tls=bad, http_failure=failing) if both else told("b", state="failed")


SYN_RESETS = (out(0, "S"), *(back(BOX_MS + k, "AR", ttl=145, ip_id=700 + k, ack=1) for k in range(3)))
APP = replace(CHAT, host="dc.chat.example", port=5222, app="mtproto")
APP_PLACE = f"{APP.address}:{APP.port}"
APP_PROVEN = reached(APP, app=((APP_PLACE, "proven"),))
VANISHES: dict[str, Any] = dict(failure=TIMEOUT, acked="no")
MUTED: dict[str, Any] = dict(failure=TIMEOUT, acked="yes")


def _app(*more: Any, answers: Any = (), times: int = 3, **said: Any) -> RecordedRun:
    return run(named(APP), fails(APP, times=times, **said), *more, of=(APP.endpoint,), told=answers)


HOME = "https://home.example/"


def _visits(service: str, address: str, *, shut: bool = False, purpose: Purpose = "target",
            ) -> list[Observation]:
    """Three looks at a service at an address that takes SYNs, or none."""
    of = replace(CHAT, name=service, host=f"www.{service}.example", address=address)
    how: dict[str, Any] = dict(last="connect", failure=TIMEOUT) if shut else dict(acked="yes")
    seen = [] if shut else connection(0.0, of, purpose="innocent", acked="yes")
    return [*seen, *(o for n in (1, 2, 3) for o in connection(10.0 * n, of, attempt=n, purpose=purpose, **how))]


def _allowlist() -> list[Observation]:
    """One place at home and one abroad answer, five unrelated services do not, but a neighbour of three of them does.
    """
    seen = [replace(o, input=HOME) for o in _visits("home", "5.5.5.5", purpose="ladder")]
    seen += _visits("telegram", "23.9.9.9")
    for n, name in enumerate(("signal", "threema", "line", "kakaotalk", "zalo")):
        seen += _visits(name, f"{60 + n}.10.10.10", shut=True)
        seen += _visits("microsoft", f"{60 + n}.10.10.77") if n < 3 else []
    return [*seen, lookup(CHAT.address, purpose="ladder", name=INNOCENT)]


def _offline(references: int = 3) -> list[Observation]:
    """No reference and no resolver answers."""
    return [*(operation("connect", "23.9.9.9", TIMEOUT, purpose="ladder", input=f"http://{host}.example/", sni="")
              for host in "abcdef"[:references]),
            lookup(purpose="ladder", name=INNOCENT, failure=TIMEOUT)]


def _references(**said: Any) -> list[Observation]:
    """References at home and abroad answer, and the resolver does."""
    pages = [operation("http_round_trip", "23.9.9.9", purpose="ladder", input=url, url=url, sni="",
                       met_expectation="yes", **said) for url in (HOME, "http://a.example/", "http://b.example/")]
    return [*pages, lookup(CHAT.address, purpose="ladder", name=INNOCENT)]


def _darkened(*, home: bool = False) -> list[Observation]:
    """Four places answer, and from some moment on none of them does any more; with `home`, one in this country does."""
    places = [f"93.184.{n}.34" for n in range(4)]
    before = [operation("connect", place, purpose="innocent", t0_s=1.0 * n, t_s=1.1 * n, input=f"http://{place}/")
              for n, place in enumerate(places)]
    after = [operation("connect", place, TIMEOUT, purpose="innocent", t0_s=20.0 + 6 * n, t_s=26.0 + 6 * n,
                       input=f"http://{place}/") for n in range(3) for place in places]
    spared = [operation("http_round_trip", "23.9.9.9", purpose="innocent", t0_s=25.0 + 10 * n, t_s=25.2 + 10 * n,
                        input=HOME) for n in range(2)]
    return [*_references(), *before, *after, *(spared if home else ())]


def _crawl() -> list[Observation]:
    """Transfers from servers in three places, each ten times slower than a line that carries pages."""
    return [Observation(operation="transfer", purpose="sample", address=f"93.184.6.{n}", bytes_read=60_000, t_s=6.0)
            for n in range(3)]


def _network(seen: list[Observation], **known: Any) -> RecordedRun:
    return run(seen, ladder=gather_ladder_evidence(seen, domestic=frozenset({HOME}), cc="RU", **known))


def _cut_off() -> RecordedRun:
    """A service at home, of which no reference is known, answers, and nothing abroad does."""
    seen = [*_offline()[:3], lookup(CHAT.address, purpose="ladder", name=INNOCENT),
            operation("tls_handshake", "211.231.99.1", input="https://kakao.example/", sni="kakao.example",
                      target_id="kakaotalk.web.a", trust="valid")]
    for n, name in enumerate(("signal", "threema", "zalo")):
        seen += _visits(name, f"{60 + n}.10.10.10", shut=True)
    countries = {o.address: "KR" if o.operation == "tls_handshake" else "ZA" for o in seen if o.address}
    return run(seen, ladder=replace(gather_ladder_evidence(seen, cc="KR"), home_alone=is_home_alone(
        seen, cc="KR", countries=countries, networks={})))


RUNS: dict[str, RecordedRun] = {
    "http/restricted_as_known": _answered(403, of=(replace(ENDPOINT, self_block="CU RU"),)),
    "http/refused_no_control": _answered(403),
    "http/refused_control_failed": _answered(403, told=(told("a", state="failed"), told("b", state="failed"))),
    "http/server_error_here": _answered(502, told=reached()),
    "http/server_error": _answered(502, told=reached(http_status=502)),
    "http/forbidden": _answered(403, told=reached(http_status=403)),
    "http/rate_limited": _answered(429),
    "http/other_than_expected": _answered(404),
    "http/proxy_error": run(*map(_proxy_error, PLAIN_TWO), of=tuple(s.endpoint for s in PLAIN_TWO), told=tuple(
        answer for s in PLAIN_TWO for answer in reached(s, http_title="Chat", http_body_bytes=4000))),
    "ip/control_fails_and_refused_far": run(named(), _refused(REFUSED), _traced(8, "refused"),
                                            told=_others(REFUSED, both=False)),
    "ip/lost_here_and_elsewhere": run(named(), _refused(TIMEOUT), _traced(2, ""), told=_others(TIMEOUT, both=True)),
    "ip/reset_injected": run(named(), _refused(RESET, packets=SYN_RESETS), told=reached()),
    "path/too_few": run(named(), fails(failure=EOF, times=1), told=reached()),
    "path/no_control": run(named(), fails(failure=EOF)),
    "app/drop_protocol_control": _app(search(APP, "silent"), answers=APP_PROVEN, **VANISHES),
    "app/reset_protocol": _app(search(APP, "reset"), answers=APP_PROVEN, failure=RESET, times=5),
    "app/reset_nearer": _app(search(APP, "reset"), failure=RESET, times=5),
    "app/closed_nearer": _app(search(APP, "closed"), failure=EOF, times=5),
    "app/closed_on_us": _app(answers=APP_PROVEN, failure=EOF, times=5),
    "app/controls_fail_too": _app(answers=reached(APP, app=((APP_PLACE, ""),)), failure=EOF),
    "app/answered": _app(failure="", proof="answered", reply_bytes=80),
    "app/foreign_answer": _app(failure="", proof="foreign", reply_bytes=80, answers=APP_PROVEN),
    "app/changed_for_all": _app(failure="", proof="foreign", reply_bytes=80,
                                answers=reached(APP, app=((APP_PLACE, "foreign"),))),
    "app/drop_protocol": _app(search(APP, "silent"), **VANISHES),
    "app/mute_protocol": _app(search(APP, "silent"), answers=APP_PROVEN, **MUTED),
    "app/mute_nearer": _app(search(APP, "silent"), **MUTED),
    "path/control_failed": run(named(), fails(failure=EOF), told=(told("a", state="failed"),)),
    "net/shutdown": _network(_offline(), gateway="answers"),
    "net/nothing_answers": _network(_offline()),
    "net/changed": _network(_references(), changed=True),
    "net/tunnel": _network(_references(), tunnel="full"),
    "net/clock": _network(_references(clock_offset_s=9e7)),
    "net/national_only": _network([*_references()[:1], *_offline()[:3]]),
    "net/national_by_address": _cut_off(),
    "net/controls_failed": _network([*_offline()[:3], lookup(CHAT.address, purpose="ladder", name=INNOCENT)]),
    "net/only_names": _network([*_offline(6)[:6], lookup(CHAT.address, purpose="ladder", name=INNOCENT)]),
    "net/went_dark": _network(_darkened()),
    "net/abroad_went_dark": _network(_darkened(home=True)),
    "net/crawls": _network([*_references(), *_crawl()]),
    "net/well": _network(_references()),
    "net/offline": _network(_offline(), gateway="silent"),
    "net/allowlist_address": _network(_allowlist()),
}
