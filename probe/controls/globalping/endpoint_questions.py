"""What is asked of one endpoint: its name, its addresses, and an innocent name at those that do not serve it. Pure.

Globalping speaks HTTP, opens connections and asks resolvers, and nothing else: of messengers' own protocols it shows
that a port is open, of datagrams nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from probe.controls.globalping.questions import Question
from probe.core.addresses import family_of, may_connect, parse_address
from probe.core.endpoints import Endpoint
from probe.core.tables.protocols import DATAGRAMS, PROTOCOLS
from probe.instruments.streams.expectation_check import expects_anything

HTTPS_PORT = 443
MAX_PATH = 1000


def make_name_questions(endpoint: Endpoint, families: Sequence[int] = (4,)) -> tuple[Question, ...]:
    """Which addresses its name has, as resolvers elsewhere say; none where it has no name."""
    if endpoint.address or parse_address(endpoint.host) is not None:
        return ()
    return tuple(Question(kind="dns", target=endpoint.host.lower(), record_type="A" if family == 4 else "AAAA")
                 for family in families)


def can_be_asked(endpoint: Endpoint) -> bool:
    """Whether anything it shows can be looked at."""
    return endpoint.protocol == "dns" or bool(endpoint.port and not _is_out_of_reach(endpoint))


def make_trial_question(endpoint: Endpoint) -> Question:
    """Whether something answers at a place at which nothing does, anywhere: whoever says so is not believed."""
    return Question(kind="ping", target=(endpoint.address or endpoint.host).lower(), port=endpoint.port)


def make_place_question(endpoint: Endpoint, address: str) -> Question | None:
    """How it looks at one address; None where nothing of it can be asked."""
    if not may_connect(address) or endpoint.protocol == "dns" or not can_be_asked(endpoint):
        return None
    target = str(parse_address(address))
    if not _speaks_http(endpoint):
        return Question(kind="ping", target=target, port=endpoint.port)
    parts = urlsplit(endpoint.input)
    whole = parts.scheme in ("http", "https") and expects_anything(endpoint.expect) and len(parts.path) <= MAX_PATH
    return Question(kind="http", target=target, port=endpoint.port, secure=bool(endpoint.sni),
                    host=endpoint.sni or endpoint.host, whole=whole, path=(parts.path or "/") if whole else "/",
                    query=parts.query[:MAX_PATH] if whole else "")


def make_innocent_question(endpoint: Endpoint, address: str, innocent: str) -> Question | None:
    """The same address under an innocent name, for where the own one is not served: it tells the name from the place.
    Whatever certificate comes, the connection was made."""
    asked = make_place_question(endpoint, address)
    if asked is None or asked.kind != "http" or not asked.secure:
        return None
    return Question(kind="http", target=asked.target, port=asked.port, host=innocent)


def make_open_question(endpoint: Endpoint, address: str) -> Question | None:
    """Whether anything at all accepts a connection there."""
    asked = make_place_question(endpoint, address)
    return Question(kind="ping", target=asked.target, port=asked.port) if asked else None


def list_own_addresses(endpoint: Endpoint) -> tuple[str, ...]:
    """Those that stand in the catalogue."""
    literals = (endpoint.address, endpoint.host)
    return tuple(dict.fromkeys(str(parse_address(text)) for text in literals if family_of(text)))


def _is_out_of_reach(endpoint: Endpoint) -> bool:
    return endpoint.protocol in DATAGRAMS or "tcp" not in PROTOCOLS[endpoint.protocol].layers


def _speaks_http(endpoint: Endpoint) -> bool:
    """HTTP is carried there; and behind TLS at the port of the web, where a server at least says what it dislikes."""
    protocol = PROTOCOLS[endpoint.protocol]
    if endpoint.sni and endpoint.trust != "web_pki":
        return False  # its certificate is not one that their programs know
    return protocol.over_http or (endpoint.protocol == "tls" and endpoint.port == HTTPS_PORT)
