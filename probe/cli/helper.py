"""`probe helper`: measure for other people's probes from here."""

from __future__ import annotations

import ipaddress
import logging
import signal
import socket
import ssl
import time
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import uvicorn

WORKERS = 64


@click.command()
@click.option("--listen", "listen_at", default="127.0.0.1:8080", show_default=True, metavar="ADDR:PORT",
              help="Where to listen; IPv6 in brackets, as in [::]:443.")
@click.option("--certificate", metavar="PEM", help="Certificate chain: answer over TLS.")
@click.option("--key", metavar="PEM", help="Private key of the certificate.")
@click.option("--no-rate-limit", is_flag=True, help="Let every client ask as often as it likes (laboratories).")
def helper(listen_at: str, certificate: str | None, key: str | None, no_rate_limit: bool) -> None:
    """Answer probes that ask how an endpoint looks from here.

    Speaks OONI's test-helper protocol with our extension, keeps no log of who asks what, and connects to public
    addresses on known ports only.
    """
    address, port = _parse_listen(listen_at)
    if bool(certificate) != bool(key):
        raise click.UsageError("--certificate and --key go together")
    server = _build(rate_limit=not no_rate_limit, certificate=certificate, key=key)
    with _listen(address, port) as sock:
        scheme = "https" if certificate else "http"
        click.echo(f"listening on {scheme}://{_shown(address)}:{sock.getsockname()[1]}/")
        for stop in (signal.SIGTERM, signal.SIGINT):
            signal.signal(stop, lambda *_: None)  # the server stops at these, then raises them anew
        server.run(sockets=[sock])


def _parse_listen(text: str) -> tuple[str, int]:
    from probe.control.protocol import split_address

    try:
        return split_address(text)
    except ValueError:
        raise click.UsageError(f"--listen {text!r} is not ADDR:PORT, as in 0.0.0.0:443 or [::]:443") from None


def _build(*, rate_limit: bool, certificate: str | None, key: str | None) -> uvicorn.Server:
    try:
        from probe.control.server import make_app, make_server, server_tls
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in ("starlette", "uvicorn", "h11", "anyio"):
            raise
        raise click.ClickException(
            f"the helper needs {error.name}; run: pip install 'reachability-probe[helper]'"
        ) from None
    from probe.control.engine import Engine
    from probe.control.guard import RateLimiter
    from probe.control.workers import FuturePool

    logging.getLogger("uvicorn.error").addHandler(logging.StreamHandler())
    try:
        tls = server_tls(certificate, key) if certificate and key else None
    except (OSError, ssl.SSLError) as error:
        raise click.ClickException(f"certificate and key cannot be used: {error}") from None
    limiter = RateLimiter(clock=time.monotonic) if rate_limit else None
    return make_server(make_app(Engine(pool=FuturePool(WORKERS)), limiter=limiter), tls=tls)


def _listen(address: str, port: int) -> socket.socket:
    from probe.control.server import listen

    try:
        return listen(address, port)
    except OSError as error:
        raise click.ClickException(
            f"cannot listen on {_shown(address)}:{port}: {error.strerror or error}; choose another with --listen"
        ) from None


def _shown(address: str) -> str:
    return f"[{address}]" if ipaddress.ip_address(address).version == 6 else address
