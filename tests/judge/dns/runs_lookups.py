"""Runs in which resolvers answer falsely or not at all."""

from __future__ import annotations

from typing import Any

from observations import DARK, HERE4, HOST, THERE4, TIMEOUT, lookup, operation
from probe.core.observations import Observation
from probe.core.tables.failures import Failure
from probe.core.tables.resolvers import HTTPS
from recorded_runs import CHAT, EVERYBODY, INNOCENT, THREE, RecordedRun, Service, connection, named, reached, run

GOOGLE = "8.8.8.8"
NXDOMAIN: Failure = "dns_nxdomain_error"
OTHER = THREE[0]
FALSE4 = "64.13.192.76"
SERVED = connection(0.0, last="http_round_trip")


def _https(*answers: str, **changes: Any) -> Observation:
    """The name's HTTPS record, of which the answers are hints."""
    plain: dict[str, Any] = dict(purpose="https", query_type=HTTPS, https_records=("1|0|1 4|h2|.",), rcode="NOERROR")
    return lookup(*answers, **plain | changes)


def _dark(*answers: str, name: str, **changes: Any) -> Observation:
    return _https(*answers, name=name, resolver="dark", resolver_address=DARK, input=HOST, **changes)


def _fails_on_the_way(failure: Failure) -> RecordedRun:
    """The network's and the public resolver fail the name in the clear; the public one's operator does not, encrypted.
    Replies of the two come from other distances, and an address without a resolver is silent about an innocent name."""
    seen = [lookup(resolver="system", failure=failure)]
    for n in (1, 2, 3):
        seen.append(lookup(failure=failure, attempt=n))
        seen.append(lookup(resolver="public", resolver_address=GOOGLE, failure=failure, attempt=n))
    seen.append(lookup(OTHER.address, name=OTHER.host, replies=(f"9.0|62|NOERROR|QR RA|{OTHER.address}",)))
    seen.append(lookup(OTHER.address, name=OTHER.host, resolver="public", resolver_address=GOOGLE,
                       replies=(f"9.0|55|NOERROR|QR RA|{OTHER.address}",)))
    seen.append(lookup(THERE4, name=INNOCENT, purpose="innocent"))
    seen.append(lookup(name=INNOCENT, resolver="dark", purpose="innocent", failure=TIMEOUT))
    seen.append(lookup(name=HOST, resolver="dark", failure=TIMEOUT))
    return run(seen, lookup(HERE4, resolver="google"), of=(CHAT.endpoint, OTHER.endpoint))


def _disputed() -> RecordedRun:
    """One trusted resolver denies the name as well, and one knows it."""
    denied = [lookup(failure=NXDOMAIN, attempt=n, rcode="NXDOMAIN") for n in (1, 2, 3)]
    return run(lookup(resolver="system", failure=NXDOMAIN), denied, lookup(resolver="google", failure=NXDOMAIN),
               lookup(HERE4, resolver="cloudflare"))


def _led_to_one(service: Service) -> list[Observation]:
    """Resolvers in the clear give one address, where somebody else's certificate is shown; the true one serves."""
    plain = [lookup(FALSE4, name=service.host, resolver=who) for who in EVERYBODY[:3]]
    true = [lookup(service.address, name=service.host, resolver=who) for who in EVERYBODY[3:]]
    common = service.common
    wrong = [o for n in (1, 2) for o in (
        operation("connect", FALSE4, attempt=n, **common),
        operation("tls_handshake", FALSE4, "ssl_invalid_hostname", attempt=n, trust="wrong_name", sni=service.host,
                  **common))]
    return [*plain, *true, *wrong, *connection(30.0, service, purpose="trusted", last="http_round_trip")]


RUNS: dict[str, RecordedRun] = {
    "dns/https_dark_address_answers": run(
        named(), _https(FALSE4), _dark(FALSE4, name=HOST),
        _dark(name=INNOCENT, replies=("9.0|50|NOERROR|QR|",), failure=TIMEOUT), SERVED),
    "dns/false_https_hint": run(named(), _https("0.0.0.0"), SERVED),
    "dns/wrong_server_everywhere": run(*map(_led_to_one, THREE), of=tuple(s.endpoint for s in THREE),
                                       told=tuple(answer for s in THREE for answer in reached(s))),
    "dns/servfail_here_only": _fails_on_the_way("dns_servfail_error"),
    "dns/denied_here_only": _fails_on_the_way(NXDOMAIN),
    "dns/empty_here_only": _fails_on_the_way("dns_no_answer"),
    "dns/refused_here_only": _fails_on_the_way("dns_refused_error"),
    "dns/unanswered_here_only": _fails_on_the_way(TIMEOUT),
    "dns/denial_disputed": _disputed(),
}
