"""The one HTTP client for all that is no measurement. Whoever answers may be hostile.

An exchange is bounded in bytes, time and redirects. A name is resolved once, and what was checked is what is connected
to. There are no cookies, no .netrc, no proxies but those that the caller names; no error holds what a server said.
"""

from __future__ import annotations

import http.client
import math
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http.cookiejar import DefaultCookiePolicy
from typing import BinaryIO, Literal
from urllib.parse import urljoin, urlsplit

import certifi
import requests
from urllib3.exceptions import ReadTimeoutError

from probe import __version__
from probe.controls.reaching.fetch_site import FetchSite, parse_site
from probe.controls.reaching.http_connections import CallAdapter, OpenCall
from probe.controls.reaching.public_addresses import find_public
from probe.core.addresses import is_bogon, parse_address
from probe.core.tables.failures import EOF, TIMEOUT, Failure, classify_failure, open_failure
from probe.core.tables.http_status import REDIRECTS

USER_AGENT = f"reachability-probe/{__version__}"
_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpPolicy:
    """What an exchange may do, with all its redirects."""

    max_bytes: int
    """Of the body, unpacked; what comes beyond is not kept."""
    timeout_s: float
    redirects: int
    """So many are followed, on the same server, and by https to others where `elsewhere` says so. Headers go along."""
    reach: Literal["public", "named", "anywhere"]
    """Public addresses alone; those, and the literal that the caller names; whatever a name leads to."""
    plain: bool = False
    """Whether http is spoken beyond this very machine."""
    elsewhere: bool = False
    connect_s: float = math.inf
    silence_s: float = math.inf
    """How long nothing may come of an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpMessage:
    """What is sent: a POST where there is a body, else a GET, or as `method` says. Header values may be secret, and
    are never shown."""

    url: str
    method: str = ""
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    address: str = ""
    """A literal to connect to, which counts as named; name, certificate and Host stay those of the URL."""
    proxies: Mapping[str, str] = field(default_factory=dict, repr=False)
    unpack: bool = True
    """Whether a compressed body is undone."""
    into: BinaryIO | None = None
    """Where the body of a success goes, in place of the memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """What came; the status also where the rest did not."""

    status: int = 0
    body: bytes = b""
    """As far as it came, and the bound goes."""
    size: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    """By names in small letters."""
    failure: str = ""
    """connect, tls, interrupted, timeout, garbage, too_large, proxy, socks, ca_file; not_public: no public address is
    known; no_url, elsewhere, redirects: a redirect led to what is no URL, to where none may lead, or once too often.
    Empty when a whole answer was read."""
    cause: Failure = ""
    """The same by OONI's words, where the network failed."""
    moved: bool = False
    """Whether another page was asked than the caller named."""


def make_json_message(url: str, body: bytes, *, address: str = "") -> HttpMessage:
    """A POST of JSON."""
    return HttpMessage(url=url, body=body, address=address, headers={
        "User-Agent": USER_AGENT, "Content-Type": "application/json", "Accept": "application/json",
        "Accept-Encoding": "identity", "Connection": "close"})


class HttpClient:
    """Whose exchanges, one after the other, may share a connection, and certificates to trust."""

    def __init__(self, *, ca_file: str = "") -> None:
        self._session, self._ca_file = _Session(), ca_file
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        self._session.headers.clear()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, CallAdapter())
        self._known: dict[str, tuple[list[str], Failure]] = {}

    def ask(self, message: HttpMessage, policy: HttpPolicy) -> HttpAnswer:
        """Send it and read the answer. Raises nothing for the network, and never takes longer than the policy says."""
        if message.proxies and policy.reach != "anywhere":
            raise ValueError("where a proxy connects to cannot be checked")
        exchange = _Exchange(message=message, policy=policy, deadline=time.monotonic() + policy.timeout_s)
        # A thread, because neither name resolution nor a server that drips its header byte by byte heeds a timeout.
        threading.Thread(target=self._work, args=(exchange,), daemon=True).start()
        if not exchange.done.wait(policy.timeout_s):
            exchange.call.give_up()
            self._session.close()
            return replace(exchange.answer, failure="timeout", cause=TIMEOUT)
        return exchange.answer

    def _work(self, exchange: _Exchange) -> None:
        try:
            self._follow(exchange)
        except Exception as error:  # whatever a stranger's bytes or URL make the libraries raise
            exchange.fail("garbage", _call_unknown(error))
        finally:
            exchange.call.forget()
            exchange.done.set()

    def _follow(self, exchange: _Exchange) -> None:
        here = start = exchange.message.url
        for left in range(exchange.policy.redirects, -1, -1):
            location = self._hop(exchange, here, named=urlsplit(here).hostname == urlsplit(start).hostname)
            if not location:
                return
            there = _find_redirect(here, location, exchange.policy)
            if isinstance(there, str) or not left:
                return exchange.fail(there if isinstance(there, str) else "redirects")
            here = there.url
            exchange.answer = HttpAnswer(moved=here != start)

    def _hop(self, exchange: _Exchange, url: str, *, named: bool) -> str:
        """Ask at one address after the other until one takes the question; where the answer leads."""
        message, policy = exchange.message, exchange.policy
        parts = urlsplit(url)
        address = parse_address(parts.hostname or "")
        if parts.scheme != "https" and not policy.plain and not (address and address.is_loopback):
            exchange.fail("elsewhere")
            return ""
        addresses, why = self._addresses(parts.hostname or "", exchange, named=named)
        if not addresses:
            exchange.fail("not_public", why)
        for index, place in enumerate(addresses):
            left_s = exchange.deadline - time.monotonic()
            # an address that is silent leaves time for others
            timeout = (min(policy.connect_s, max(0.01, left_s / (len(addresses) - index))),
                       min(policy.silence_s, max(0.01, left_s)))
            exchange.answer = HttpAnswer(moved=exchange.answer.moved)
            exchange.call.begin(place)
            try:
                with self._session.request(
                    message.method or ("GET" if message.body is None else "POST"), url, data=message.body or None,
                    headers=message.headers, proxies=dict(message.proxies), stream=True, allow_redirects=False,
                    timeout=timeout, verify=self._ca_file or certifi.where(),
                ) as response:
                    exchange.answer = replace(
                        exchange.answer, status=response.status_code,
                        headers={name.lower(): value for name, value in response.headers.items()})
                    if policy.redirects and response.status_code in REDIRECTS and "Location" in response.headers:
                        return response.headers["Location"]
                    exchange.read(response)
                    return ""
            except Exception as error:  # hostile bytes make requests, urllib3 and http.client raise many kinds
                exchange.fail(*_explain(error, connected=bool(exchange.call.handles)))
                if exchange.call.asked:
                    return ""
        return ""

    def _addresses(self, host: str, exchange: _Exchange, *, named: bool) -> tuple[list[str], Failure]:
        """Where a server may be asked; an empty one: wherever its name leads. Else why there is none."""
        reach, given = exchange.policy.reach, exchange.message.address if named else ""
        if reach == "anywhere":
            return [given], ""
        if given or parse_address(host):
            allowed = not is_bogon(given or host) or (reach == "named" and named)
            return [given or host] if allowed else [], "dns_bogon_error"
        if not self._known.get(host, ([], ""))[0]:
            self._known[host] = find_public(host, deadline=exchange.deadline)
        return self._known[host]


class _Session(requests.Session):
    """The library's own reads the whole body of a redirect, and takes its URL apart, even where it does not follow."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Whoever asked decides."""


@dataclass(slots=True, kw_only=True)
class _Exchange:
    """One under way."""

    message: HttpMessage
    policy: HttpPolicy
    deadline: float
    answer: HttpAnswer = field(default_factory=HttpAnswer)
    call: OpenCall = field(default_factory=OpenCall)
    done: threading.Event = field(default_factory=threading.Event)

    def fail(self, failure: str, cause: Failure = "") -> None:
        """Note what went wrong, beside what had come by then."""
        self.answer = replace(self.answer, failure=failure, cause=cause)

    def read(self, response: requests.Response) -> None:
        """The body up to its bound. Raises what the libraries do."""
        into = self.message.into if response.status_code in (200, 207) else None
        most, body, size = self.policy.max_bytes, bytearray(), 0
        # Not response.content: read decodes no further than it is asked, so a compressed bomb stays small.
        while chunk := response.raw.read(min(_CHUNK, most + 1 - size), decode_content=self.message.unpack):
            if self.call.given_up or time.monotonic() > self.deadline:
                return self.fail("timeout", TIMEOUT)
            size += len(chunk)
            if into:
                into.write(chunk[:len(chunk) - max(0, size - most)])
            else:
                body += chunk
            if size > most:
                self.fail("too_large")
                break
        self.answer = replace(self.answer, body=bytes(body[:most]), size=size)


def _find_redirect(here: str, location: str, policy: HttpPolicy) -> FetchSite | str:
    """Where it leads: on the same server, or by https to somewhere public; or why it is not followed."""
    try:
        there, now = parse_site(urljoin(here, location).partition("#")[0]), parse_site(here)
    except ValueError:
        return "no_url"
    if (there.scheme, there.host, there.port) == (now.scheme, now.host, now.port):
        return there
    lost = there.scheme != "https" or (parse_address(there.host) and is_bogon(there.host))
    return "elsewhere" if lost or not policy.elsewhere else there


def _call_unknown(error: BaseException) -> Failure:
    """By its kind alone: its text may hold what a server said."""
    kind = type(error).__name__
    return EOF if isinstance(error, http.client.IncompleteRead) else open_failure(f"unknown_failure: {kind}")


def _explain(error: BaseException, *, connected: bool) -> tuple[str, Failure]:
    chain = [error]
    while (inner := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(inner)
    own = [e for e in chain if isinstance(e, OSError) and not isinstance(e, requests.RequestException)]
    cause = classify_failure(own[-1]) if own else _call_unknown(chain[-1])
    if isinstance(error, requests.exceptions.InvalidSchema):
        return "socks", cause
    if isinstance(error, requests.exceptions.ProxyError):
        return "proxy", cause
    if any(isinstance(e, TimeoutError | requests.Timeout | ReadTimeoutError) for e in chain):
        return "timeout", TIMEOUT
    if any(isinstance(e, ssl.SSLError | requests.exceptions.SSLError) for e in chain):
        return "tls", cause
    if own and error is own[0] and not connected:
        return "ca_file", cause
    return "connect" if not connected else "interrupted" if own else "garbage", cause
