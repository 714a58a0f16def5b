"""Stored runs turned into their twins: the same trace on the client's side, and controls that say the opposite."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final, TypeVar
from urllib.parse import urlsplit

from observations import replace_flat
from probe.core.observations import ControlAnswer, Observation
from probe.core.places import Place
from probe.core.runs import RunResult
from probe.core.tables.failures import Failure
from probe.core.tables.resolvers import ENCRYPTED

TIMEOUT: Final = "generic_timeout_error"
REFUSED: Final = "connection_refused"
RESET: Final = "connection_reset"

Change = Callable[[RunResult, frozenset[str]], RunResult]
"""Changes what controls said of the endpoints with these inputs; the client's own visits stay as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """One pair: a scenario, what its run says, and what the run must say once the controls have changed sides."""

    scenario: str
    before: str
    change: Change
    after: tuple[str, ...]
    """Outcomes that are right then."""

    @property
    def id(self) -> str:
        """Name of the test."""
        return f"{self.scenario}-{'-or-'.join(self.after)}"


def _controls(
    result: RunResult, inputs: frozenset[str], change: Callable[[ControlAnswer], ControlAnswer]
) -> RunResult:
    return replace(result, controls=tuple(change(c) if c.input in inputs else c for c in result.controls))


W = TypeVar("W", bound=str)
WORKS: Failure = ""


def _with(pairs: Iterable[tuple[Place, object]], word: W) -> tuple[tuple[Place, W], ...]:
    return tuple((place, word) for place, _ in pairs)


def cannot_connect(word: Failure) -> Change:
    """No control gets a connection; the failure is the client's."""

    def change(answer: ControlAnswer) -> ControlAnswer:
        failed = None if answer.http_failure is None else word
        return replace(answer, state="answered", tcp=_with(answer.tcp, word), tls=(), leaf_keys=(), http_failure=failed)

    return lambda result, inputs: _controls(result, inputs, change)


def cannot_shake_hands(word: Failure) -> Change:
    """Every control connects, and its handshake fails as the client's."""

    def change(answer: ControlAnswer) -> ControlAnswer:
        failed = None if answer.http_failure is None else word
        tls = _with(answer.tcp, word)
        return replace(answer, tcp=_with(answer.tcp, WORKS), tls=tls, leaf_keys=(), http_failure=failed)

    return lambda result, inputs: _controls(result, inputs, change)


def gets_no_page(word: Failure | None) -> Change:
    """Every control connects, and its request fails as the client's."""
    return lambda result, inputs: _controls(result, inputs, lambda answer: replace(answer, http_failure=word))


def sees_our_page(result: RunResult, inputs: frozenset[str]) -> RunResult:
    """Every control is served what the client was."""
    page = [o.http for o in result.observations
            if o.input in inputs and o.operation == "http_round_trip" and o.http.status][-1]
    return _controls(result, inputs, lambda answer: replace(
        answer, http_failure="", http_status=page.status, http_title=page.title, http_body_bytes=page.body_bytes,
        http_header_names=page.header_names, http_location=page.location,
    ))


def sees_our_key(result: RunResult, inputs: frozenset[str]) -> RunResult:
    """Every control is shown the certificate that the client was shown."""
    key = next(o.tls.chain[0] for o in result.observations if o.input in inputs and o.tls.chain)
    return _controls(result, inputs, lambda answer: replace(
        answer, leaf_keys=tuple((place, key) for place, _ in answer.tcp)
    ))


def reaches(result: RunResult, inputs: frozenset[str]) -> RunResult:
    """Every control connects, shakes hands under another key than the client saw, and is answered."""
    return _controls(result, inputs, lambda answer: replace(
        answer, state="answered", tcp=_with(answer.tcp, WORKS), tls=_with(answer.tcp, WORKS),
        leaf_keys=_with(answer.tcp, "00" * 32), http_failure=None if answer.http_failure is None else "",
        http_status=200,
    ))


def trusted_say(answers: tuple[str, ...], word: Failure = "") -> Change:
    """Trusted resolvers and controls give these addresses of the name, or fail with this word.

    Visits to addresses that only they had given are taken out of the trace: without them there were none.
    """

    def encrypted(seen: Observation) -> Observation:
        own = tuple(a for a in answers if (":" in a) == (seen.dns.query_type == "AAAA"))
        failure: Failure = word or ("" if own else "dns_no_answer")
        return replace_flat(seen, answers=own, cnames=(), failure=failure,
                            rcode="NXDOMAIN" if "nxdomain" in word else "")

    def told(answer: ControlAnswer) -> ControlAnswer:
        pairs: tuple[tuple[Place, Failure], ...] = tuple((Place(address, 443), "") for address in answers)
        return replace(answer, state="answered", dns_failure=word, addresses=answers, tcp=pairs, tls=pairs,
                       leaf_keys=(), http_failure=None)

    def change(result: RunResult, inputs: frozenset[str]) -> RunResult:
        hosts = {urlsplit(url).hostname for url in inputs}
        seen = tuple(
            encrypted(o) if o.dns.engine in ENCRYPTED and o.hostname in hosts else o
            for o in result.observations if not (o.purpose == "trusted" and o.hostname in hosts)
        )
        return _controls(replace(result, observations=seen), inputs, told)

    return change
