"""`probe helper`: measure for other people's probes from here."""

from __future__ import annotations

import ipaddress
import logging
import signal
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from probe.core.addresses import bracket_host

if TYPE_CHECKING:
    import uvicorn

    from probe_operate.helper.helper_metrics import HelperCounters

WORKERS = 512
"""Threads, made as needed: 200 requests at once, each with several connections that may wait for ten seconds."""

TRANSLATOR_S = 3.0
"""How long the network's resolver is waited for, which shows whether IPv6 leads into IPv4 networks here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What the command line says."""

    listen_at: str
    certificate: str | None
    key: str | None
    no_rate_limit: bool
    no_test_bytes: bool
    behind_proxy: bool
    metrics: str | None


@click.command()
@click.option("--listen", "listen_at", default="127.0.0.1:8080", show_default=True, metavar="ADDR:PORT",
              help="Where to listen; IPv6 in brackets, as in [::]:443.")
@click.option("--certificate", metavar="PEM", help="Certificate chain: answer over TLS.")
@click.option("--key", metavar="PEM", help="Private key of the certificate.")
@click.option("--behind-proxy", is_flag=True,
              help="A server on this machine stands in front and says in X-Real-IP who asks.")
@click.option("--metrics", metavar="ADDR:PORT",
              help="Serve Prometheus metrics there, at /metrics; a loopback address only.")
@click.option("--no-rate-limit", is_flag=True, help="Let every client ask as often as it likes (laboratories).")
@click.option("--no-test-bytes", is_flag=True,
              help="Give probes no bytes to fetch. They then cannot see here whether a name is slowed.")
@click.option("--print-unit", is_flag=True, help="Print a systemd unit for these options, and end.")
def helper(*, print_unit: bool, listen_at: str, certificate: str | None, key: str | None, no_rate_limit: bool,
           no_test_bytes: bool, behind_proxy: bool, metrics: str | None) -> None:
    """Answer probes that ask how an endpoint looks from here.

    The helper speaks OONI's test-helper protocol, with additions of ours. It keeps no record of who asks about which
    endpoint. It connects only to public addresses, and only to a fixed list of ports that messengers use, such as 443.

    \b
    Examples:
      probe helper --listen 0.0.0.0:443 --certificate chain.pem --key key.pem
      probe helper --behind-proxy --metrics 127.0.0.1:9099
      probe helper --behind-proxy --print-unit > reachability-probe-helper.service
    """
    wanted = _Wanted(listen_at=listen_at, certificate=certificate, key=key, no_rate_limit=no_rate_limit,
                     no_test_bytes=no_test_bytes, behind_proxy=behind_proxy, metrics=metrics)
    address, port = _parse(listen_at, "--listen")
    if bool(certificate) != bool(key):
        raise click.UsageError("--certificate and --key go together")
    at = _parse(metrics, "--metrics") if metrics else None
    if at and not ipaddress.ip_address(at[0]).is_loopback:
        raise click.UsageError("--metrics takes a loopback address, as in 127.0.0.1:9099: counts are for you alone")
    if print_unit:
        click.echo(_unit(wanted, port), nl=False)
        return
    _serve(wanted, address, port, at)


def _serve(wanted: _Wanted, address: str, port: int, metrics_at: tuple[str, int] | None) -> None:
    from probe.instruments.streams.sockets import raise_socket_limit
    from probe_operate.helper.helper_metrics import HelperCounters

    raise_socket_limit()
    counters = HelperCounters()
    server = _build(wanted, counters)
    with _listen(address, port) as sock:
        scheme = "https" if wanted.certificate else "http"
        if metrics_at:
            _serve_metrics(*metrics_at, counters.format)
        click.echo(f"listening on {scheme}://{bracket_host(address)}:{sock.getsockname()[1]}/")
        for stop in (signal.SIGTERM, signal.SIGINT):
            signal.signal(stop, lambda *_: None)  # the server stops at these, then raises them anew
        server.run(sockets=[sock])


def _serve_metrics(address: str, port: int, text: Callable[[], str]) -> None:
    from probe_operate.helper.helper_metrics import serve_metrics

    try:
        found = serve_metrics(address, port, text)
    except OSError as error:
        raise click.ClickException(f"cannot serve metrics on {bracket_host(address)}:{port}: "
                                   f"{error.strerror or error}; choose another with --metrics") from None
    click.echo(f"metrics on http://{bracket_host(address)}:{found}/metrics")


def _parse(text: str, option: str) -> tuple[str, int]:
    from probe.controls.helper_protocol import split_address

    try:
        return split_address(text)
    except ValueError:
        raise click.UsageError(f"{option} {text!r} is not ADDR:PORT, as in 0.0.0.0:443 or [::]:443") from None


def _build(wanted: _Wanted, counters: HelperCounters) -> uvicorn.Server:
    from probe.controls.reaching.public_addresses import find_own_translators
    from probe.controls.reaching.target_guard import TargetGuard
    from probe_operate.helper.helper_engine import HelperEngine
    from probe_operate.helper.helper_server import make_app, make_server, make_tls_context
    from probe_operate.helper.helper_workers import FuturePool
    from probe_operate.helper.rate_limiter import RateLimiter

    logging.getLogger("uvicorn.error").addHandler(logging.StreamHandler())
    try:
        tls = make_tls_context(wanted.certificate, wanted.key) if wanted.certificate and wanted.key else None
    except (OSError, ssl.SSLError) as error:
        raise click.ClickException(f"certificate and key cannot be used: {error}") from None
    limiter = None if wanted.no_rate_limit else RateLimiter(clock=time.monotonic)
    guard = TargetGuard(translated=find_own_translators(deadline=time.monotonic() + TRANSLATOR_S))
    engine = HelperEngine(pool=FuturePool(WORKERS), guard=guard, asn_of=_networks())
    app = make_app(engine, limiter=limiter, counters=counters, behind_proxy=wanted.behind_proxy,
                   gives_bytes=not wanted.no_test_bytes)
    return make_server(app, tls=tls, counters=counters, limited=limiter is not None and not wanted.behind_proxy)


def _networks() -> Callable[[str], int]:
    """The AS number of an address by the table that came with the program; 0 where it is missing or damaged."""
    from probe.config.geo.geo_table import GeoError, is_public
    from probe.config.geo.packaged_table import PackedTable

    table = PackedTable()

    def asn_of(address: str) -> int:
        try:
            return table.find(address).asn if is_public(address) else 0
        except GeoError:
            return 0

    return asn_of


def _unit(wanted: _Wanted, port: int) -> str:
    """The unit that starts a helper with these options, by whole paths."""
    from probe.upkeep.schedules.installed_schedules import make_own_command
    from probe_operate.services.helper_unit import make_helper_unit

    words = [*make_own_command(), "helper", "--listen", wanted.listen_at]
    keys = [str(Path(path).absolute()) for path in (wanted.certificate, wanted.key) if path]
    if keys:
        words += ["--certificate", "%d/certificate", "--key", "%d/key"]
    words += ["--behind-proxy"] if wanted.behind_proxy else []
    words += ["--metrics", wanted.metrics] if wanted.metrics else []
    words += ["--no-rate-limit"] if wanted.no_rate_limit else []
    words += ["--no-test-bytes"] if wanted.no_test_bytes else []
    try:
        return make_helper_unit(words, low_port=0 < port < 1024, keys=keys)
    except ValueError as error:
        raise click.ClickException(str(error)) from None


def _listen(address: str, port: int) -> socket.socket:
    from probe_operate.helper.helper_server import open_listener

    try:
        return open_listener(address, port)
    except OSError as error:
        raise click.ClickException(
            f"cannot listen on {bracket_host(address)}:{port}: {error.strerror or error}; choose another with --listen"
        ) from None
