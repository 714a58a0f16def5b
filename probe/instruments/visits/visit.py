"""One visit to one address: connect, shake hands, ask for pages; each operation its own observation."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

from probe.catalogue.sites import Page
from probe.core.observation_parts import AppPart, HttpPart, TcpPart, TlsPart, TransferPart
from probe.core.observations import Observation
from probe.core.tables.evidence_words import Answered
from probe.core.tables.failures import TIMEOUT, Failure, classify_failure
from probe.core.tables.handshakes import FOREIGN, SpokenProtocol
from probe.core.tables.trust import UNTRUSTED
from probe.instruments.address_echoes import remove_addresses
from probe.instruments.clock import Clock
from probe.instruments.fingerprint_match import NO_MATCH, get_index
from probe.instruments.packets.capture import PacketCapture
from probe.instruments.steps import Visit
from probe.instruments.streams.expectation_check import expects_anything, find_mismatch
from probe.instruments.streams.http_parts import (
    MAX_HEADER_NAMES,
    MAX_TITLE,
    MAX_VALUE,
    BodyRest,
    HttpExchange,
    hash_body,
    make_excerpt,
    read_clock_offset_s,
    read_title,
)
from probe.instruments.streams.own_hello import compute_ja4
from probe.instruments.streams.raw_handshake import prepare_socket, shake_hands_raw
from probe.instruments.streams.sockets import (
    RecordedSocket,
    abort,
    ask_acknowledged,
    bind_any_port,
    bound_window,
    count_segments,
    open_socket,
    read_icmp_error,
    stop_icmp_reports,
)
from probe.instruments.streams.tcp_info import get_tcp_info, note_end, note_times
from probe.instruments.streams.tls_handshake import (
    TlsHandshake,
    TlsStream,
    hash_key,
    make_context,
    read_certificate_names,
    shake_hands,
)
from probe.instruments.visits.farewell import end_stream
from probe.judge.common.visit_outcomes import NETWORK_PURPOSES
from probe.judge.hops.hop_evidence import anonymize_icmp

_RANDOM = random.SystemRandom()


def visit(plan: Visit, *, clock: Clock, capture: PacketCapture | None = None,
          rng: random.Random = _RANDOM) -> list[Observation]:
    """Carry out a visit; the network's failures end it and are written down, none is raised. `capture` learns whose
    connection it was; `rng` makes the random parts of a ClientHello that the library does not build."""
    base = Observation(
        operation="connect", purpose=plan.purpose, attempt=plan.attempt, planned=plan.planned,
        hostname=plan.hostname, address=plan.address,
        address_source=plan.source, port=plan.port, family=6 if ":" in plan.address else 4, target_id=plan.target_id,
        input=plan.input, tls=TlsPart(shape=plan.shape), app=AppPart(protocol=plan.app),
    )
    try:
        sock = open_socket(base.family, deadline=time.monotonic() + plan.connect_timeout_s)
    except OSError as error:  # no more descriptors, or a family that this system lacks
        return [replace(base, failure=classify_failure(error), t0_s=clock.now_s(), t_s=clock.now_s())]
    seen: list[Observation] = []
    our_port = bind_any_port(sock) if capture is not None else 0
    try:
        prepare_socket(sock, plan.shape)
        seen.append(_connect(sock, base, clock))
        if seen[0].failure:
            return seen
        bound_window(sock)
        if plan.shape:
            sock.deadline = time.monotonic() + plan.tls_timeout_s
            seen.append(shake_hands_raw(sock, base, plan, clock=clock, rng=rng))
            return seen
        stream: RecordedSocket | TlsStream = sock
        chain: tuple[bytes, ...] = ()
        if plan.sni:
            sock.deadline = time.monotonic() + plan.tls_timeout_s
            stream = TlsStream(sock, make_context(plan.trust, plan.alpn), server_name=plan.sni)
            shaken, chain = _shake(stream, base, plan, clock)
            seen.append(shaken)
            if shaken.failure:
                return seen
        if plan.app:
            seen += _speak(stream, base, plan, clock, chain, plan.app)
        else:
            _ask_to_the_end(stream, seen, base, plan, clock)
        if plan.stay_s and not seen[-1].failure:
            from probe.instruments.visits.stay import stay_open

            seen.append(stay_open(stream, base, plan, clock))
        if plan.ends_stream and not seen[-1].failure:
            seen[-1] = replace(seen[-1], tcp=replace(seen[-1].tcp, acked=end_stream(sock)))
        return seen
    finally:
        note_end(seen, sock)
        if capture is not None:
            capture.claim([o for o in seen if o.operation != "transfer"], our_port)
        abort(sock)


def _connect(sock: RecordedSocket, base: Observation, clock: Clock) -> Observation:
    t0_s = clock.now_s()
    failure: Failure = ""
    try:
        sock.connect((base.address, base.port))
        stop_icmp_reports(sock)
    except OSError as error:
        failure = classify_failure(error)
    t_s = clock.now_s()
    icmp = anonymize_icmp(read_icmp_error(sock), base.address) if failure else None
    return replace(base, failure=failure, icmp=icmp, t0_s=t0_s, t_s=t_s, tcp=note_times(base.tcp, sock))


def _shake(stream: TlsStream, base: Observation, plan: Visit, clock: Clock) -> tuple[Observation, tuple[bytes, ...]]:
    t0_s = clock.now_s()
    stream.sock.begin_operation()
    got = shake_hands(stream, until_server_hello=plan.until_server_hello)
    subject, issuer = read_certificate_names(got.chain_der[0]) if got.chain_der else ("", "")
    mark = get_index().of_issuer(issuer) if got.trust in UNTRUSTED else NO_MATCH
    seen = replace(
        base, operation="tls_handshake", t0_s=t0_s, t_s=clock.now_s(),
        tls=replace(
            base.tls, sni=plan.sni, alpn=got.alpn, version=got.version, cipher=got.cipher, alert=got.alert,
            hello_bytes=len(got.hello), server_hello=got.server_hello, ja4=compute_ja4(got.hello), trust=got.trust,
            chain=tuple(hash_key(der) for der in got.chain_der), subject=subject, issuer=issuer,
        ),
        failure=_tls_failure(got, plan), fingerprint=mark.name, fingerprint_scope=mark.scope,
        tcp=note_times(replace(base.tcp, acked=got.acked, segments=count_segments(stream.sock, len(got.hello))),
                       stream.sock),
        bytes_written=stream.sock.bytes_written, bytes_read=stream.sock.bytes_read,
    )
    return seen, got.chain_der


def _tls_failure(got: TlsHandshake, plan: Visit) -> Failure:
    if plan.until_server_hello and got.server_hello:
        return ""  # an innocent name only has to reach a TLS server; an alert is an answer too
    if not got.failure and plan.needs_alpn and got.alpn not in plan.alpn:
        return "ssl_no_application_protocol"
    return got.failure


def _speak(stream: RecordedSocket | TlsStream, base: Observation, plan: Visit, clock: Clock,
           chain: tuple[bytes, ...], app: SpokenProtocol) -> list[Observation]:
    """A messenger's own first words; then TLS, where they lead to it (STARTTLS)."""
    from probe.instruments.messengers.app_exchange import exchange_first_words
    from probe.instruments.messengers.speeches import choose_speech

    sock = stream.sock if isinstance(stream, TlsStream) else stream
    sock.deadline = time.monotonic() + plan.http_timeout_s
    before, t0_s = (sock.bytes_written, sock.bytes_read), clock.now_s()
    sock.begin_operation()
    got = exchange_first_words(stream, app, name=plan.app_name, url=plan.app_url, attempt=plan.attempt,
                               expect=plan.expect, chain_der=chain, ends=not plan.stay_s)
    seen = replace(
        base, operation="app_round_trip", t0_s=t0_s, t_s=clock.now_s(), tls=replace(base.tls, sni=plan.sni),
        failure=got.failure, app=replace(base.app, proof=got.proof, reply_bytes=got.reply_bytes, reply_head=got.head),
        tcp=note_times(replace(base.tcp, acked=got.acked), sock), met_expectation=got.met, mismatch=got.mismatch,
        bytes_written=sock.bytes_written - before[0], bytes_read=sock.bytes_read - before[1],
        http=replace(base.http, status=got.status),
    )
    if got.failure or not isinstance(stream, RecordedSocket) or not choose_speech(app).upgrades or (
            got.proof == FOREIGN):
        return [seen]
    sock.deadline = time.monotonic() + plan.tls_timeout_s
    upgrade = replace(plan, sni=plan.app_name, alpn=(), needs_alpn=False)
    written, read = sock.bytes_written, sock.bytes_read
    shaken = _shake(TlsStream(sock, make_context(plan.trust, ()), server_name=plan.app_name), base, upgrade, clock)[0]
    return [seen, replace(shaken, bytes_written=sock.bytes_written - written, bytes_read=sock.bytes_read - read)]


def _ask_to_the_end(stream: RecordedSocket | TlsStream, seen: list[Observation], base: Observation, plan: Visit,
                    clock: Clock) -> None:
    """Add to `seen` the pages, small records where these are wanted, and our farewell."""
    pages, goes_on = _ask(stream, base, plan, clock)
    seen += pages
    records = _say_small_records(stream, seen, plan, clock) if goes_on else []
    if pages and plan.purpose in NETWORK_PURPOSES and not any(o.failure for o in records):
        _add_end(seen, stream.sock if isinstance(stream, TlsStream) else stream)
    seen += records


def _say_small_records(stream: RecordedSocket | TlsStream, seen: list[Observation], plan: Visit, clock: Clock,
                       ) -> list[Observation]:
    """Small records on a connection that works; what TCP knows of it is written down before, since they are no ordinary
    traffic."""
    if not plan.small_records or not isinstance(stream, TlsStream) or any(o.failure for o in seen):
        return []
    from probe.instruments.visits.small_records import send_small_records

    note_end(seen, stream.sock)
    shaken = next(o for o in seen if o.operation == "tls_handshake")
    base = replace(seen[0], tls=TlsPart(alpn=shaken.tls.alpn), tcp=TcpPart())
    records = send_small_records(stream, base, plan, clock)
    return [records] if records else []


def _ask(stream: RecordedSocket | TlsStream, base: Observation, plan: Visit, clock: Clock,
         ) -> tuple[list[Observation], bool]:
    """The pages, and whether another could be asked for on this connection."""
    if not plan.pages:
        return [], True
    from probe.instruments.streams.http_exchange import exchange_http

    sock = stream.sock if isinstance(stream, TlsStream) else stream
    seen: list[Observation] = []
    for page in plan.pages:
        begin_s = time.monotonic()
        sock.deadline = begin_s + plan.http_timeout_s
        before, t0_s = (sock.bytes_written, sock.bytes_read), clock.now_s()
        sock.begin_operation()
        got = exchange_http(stream, page.url, host=urlsplit(page.url).netloc, read_on_bytes=plan.read_on_bytes,
                            rest_bytes=plan.rest_bytes if plan.small_records and not plan.read_on_bytes else 0)
        rest = got.rest or BodyRest()
        seen.append(_page(replace(
            base, operation="http_round_trip", t0_s=t0_s, t_s=clock.now_s() - rest.took_s,
            tls=replace(base.tls, sni=plan.sni), bytes_written=sock.bytes_written - before[0],
            bytes_read=sock.bytes_read - before[1] - rest.bytes_read, target_id=page.target_id or base.target_id,
            input=page.input or base.input,
            tcp=note_times(replace(base.tcp, acked=ask_acknowledged(sock) if got.failure == TIMEOUT else ""), sock),
            transfer=replace(
                base.transfer, flow_s=round(max(0.0, sock.last_read_s - begin_s), 3) if got.failure == TIMEOUT else 0.0,
            ),
        ), page, got, clock))
        if got.rest is not None and plan.read_on_bytes:
            seen.append(_whole(seen[-1], got.rest, sock))
        if not got.reusable:
            return seen, False
    return seen, True


def _add_end(seen: list[Observation], sock: RecordedSocket) -> None:
    """Say farewell, and write into the last page of a connection, where it came, what became of that."""
    last = max(n for n, o in enumerate(seen) if o.operation == "http_round_trip")
    if not seen[last].failure:
        seen[last] = replace(seen[last], tcp=replace(seen[last].tcp, acked=end_stream(sock)))


def _whole(page: Observation, rest: BodyRest, sock: RecordedSocket) -> Observation:
    """The page's way on: from its request on, the bytes that were read beyond what is kept of it."""
    info, t_s = get_tcp_info(sock), page.t_s + rest.took_s
    return Observation(
        operation="transfer", purpose=page.purpose, attempt=page.attempt, target_id=page.target_id, input=page.input,
        hostname=page.hostname, address=page.address, port=page.port, family=page.family, tls=TlsPart(sni=page.tls.sni),
        http=HttpPart(url=page.http.url, method="GET", status=page.http.status), failure=rest.failure, t0_s=page.t0_s,
        t_s=t_s, transfer=TransferPart(flow_s=t_s - page.t0_s), bytes_read=rest.bytes_read,
        tcp=TcpPart(
            acked=ask_acknowledged(sock) if rest.failure == TIMEOUT else "", segments=info.segments,
            min_rtt_ms=info.min_rtt_ms,
        ),
    )


def _page(base: Observation, page: Page, got: HttpExchange, clock: Clock) -> Observation:
    met: Answered = ""
    what = ""
    if not got.failure and expects_anything(page.expect):
        what = find_mismatch(page.expect, got)
        met = "no" if what else "yes"
    title = read_title(got.body)
    mark = NO_MATCH if got.failure else get_index().of_page(got.headers, title, got.body)
    return replace(
        base,
        http=replace(
            base.http, url=page.url, method="GET", host_header=urlsplit(page.url).netloc, status=got.status,
            location=_bound_text(got.header("location"), MAX_VALUE), title=_bound_text(title, MAX_TITLE),
            server=got.header("server"),
            header_names=tuple(sorted({n.lower() for n, _ in got.headers}))[:MAX_HEADER_NAMES],
            body_bytes=len(got.body), body_sha256=hash_body(got.body) if got.body else "", body_truncated=got.truncated,
            body_excerpt=make_excerpt(got.body),
            clock_offset_s=read_clock_offset_s(got.header("date"), datetime.now(UTC)),
        ),
        failure=got.failure, met_expectation=met, mismatch=what, fingerprint=mark.name, fingerprint_scope=mark.scope,
    )


def _bound_text(text: str, most: int) -> str:
    """What a page says, as it may be stored; what has the greatest length, in bytes at least, may have been cut."""
    return remove_addresses(text, cut=len(text.encode(errors="replace")) >= most)


def list_unasked_pages(plan: Visit, seen: Sequence[Observation]) -> tuple[Page, ...]:
    """The pages of a visit that a closed connection kept from being asked."""
    asked = {(o.input, o.http.url) for o in seen if o.operation == "http_round_trip"}
    return tuple(page for page in plan.pages if (page.input, page.url) not in asked)
