"""Runs on the client's side: uses sites by programs and says how each use ended.

`python -m probe_lab.users.use_sites` reads `[[program, url], ...]` as JSON from its standard input and writes one JSON
line for each: program, target, word, and from when to when it ran on the machine's monotonic clock. What goes to one
site goes one after another, the sites side by side.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from types import MappingProxyType
from urllib.parse import urlsplit

from probe_lab.users.user_programs import ABSENT, IMPERSONATED, SERVED

TIMEOUT_S = 6.0
MESSAGES = 12
"""That the messenger sends on its one connection."""
BETWEEN_S = 0.5
"""After each: what is cut some seconds after it began is lost to its user."""
_TRUST = "/etc/ssl/certs/ca-certificates.crt"
_MOST_BYTES = 1 << 16
_BROWSER_S = 20.0
"""A browser takes seconds to begin; what it then waits for is as long as in the others."""
_WORDS = {35: "cut", 52: "closed", 55: "cut", 56: "cut", 28: "timeout", 7: "refused"}
"""Of libcurl's errors."""


def use_site(program: str, url: str) -> str:
    """How one use ended: `served`, `absent`, or a word for the failure."""
    try:
        if program in IMPERSONATED:
            return _browse(IMPERSONATED[program], url)
        return _USES[program](url)
    except ImportError:
        return ABSENT
    except TimeoutError:
        return "timeout"
    except (OSError, subprocess.SubprocessError) as error:
        return "cut" if isinstance(error, ConnectionError | ssl.SSLError) else "failed"


def _browse(as_whom: str, url: str) -> str:
    from curl_cffi import CurlOpt, requests

    try:
        requests.get(url, impersonate=as_whom, timeout=TIMEOUT_S, allow_redirects=False,
                     curl_options={CurlOpt.CAINFO: _TRUST})
    except requests.RequestsError as error:
        return _WORDS.get(int(error.code or 0), "failed")
    return SERVED


def _open_window(url: str) -> str:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                   f"--user-data-dir={profile}", f"--timeout={TIMEOUT_S * 1000:.0f}", "--dump-dom", url]
        try:
            done = subprocess.run(command, capture_output=True, timeout=_BROWSER_S, check=False,
                                  env=os.environ | {"HOME": profile})
        except FileNotFoundError:
            return ABSENT
        except subprocess.TimeoutExpired:
            return "timeout"
    return SERVED if done.stdout and b"Page load failed" not in done.stderr else "failed"


def _shake_hands(url: str) -> str:
    host, port = _place(url)
    command = ["openssl", "s_client", "-brief", "-verify_return_error", "-CAfile", _TRUST,
               "-connect", f"{host}:{port}", "-servername", host]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S, check=False)
    except FileNotFoundError:
        return ABSENT
    except subprocess.TimeoutExpired:
        return "timeout"
    return SERVED if done.returncode == 0 else "cut"


def _chat(url: str) -> str:
    host, port = _place(url)
    request = f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    with _connect(url, host, port) as stream:
        for _ in range(MESSAGES):
            stream.sendall(request)
            if not stream.recv(_MOST_BYTES):
                return "closed"
            time.sleep(BETWEEN_S)
    return SERVED


def _connect(url: str, host: str, port: int) -> socket.socket:
    plain = socket.create_connection((host, port), TIMEOUT_S)
    if url.startswith("http://"):
        return plain
    try:
        return _trust_services().wrap_socket(plain, server_hostname=host)
    except OSError:
        plain.close()
        raise


def _trust_services() -> ssl.SSLContext:
    """As apps do: besides the system's authorities they know their own service's."""
    context = ssl.create_default_context(cafile=_TRUST)
    for anchor in (files("probe.catalogue") / "anchors").iterdir():
        if anchor.name.endswith(".pem"):
            context.load_verify_locations(cadata=anchor.read_text())
    return context


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (80 if parts.scheme == "http" else 443)


_USES: Mapping[str, Callable[[str], str]] = MappingProxyType({
    "openssl": _shake_hands, "chromium": _open_window, "messenger": _chat,
})


def _use_in_turn(orders: Iterable[tuple[str, str]]) -> None:
    for program, url in orders:
        begin_s = time.monotonic()
        word = use_site(program, url)
        result = {"program": program, "target": url, "word": word, "begin_s": begin_s, "end_s": time.monotonic()}
        sys.stdout.write(f"{json.dumps(result)}\n")
        sys.stdout.flush()


def main() -> None:
    """Carry out the orders on standard input."""
    by_site: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for program, url in json.load(sys.stdin):
        by_site[url].append((program, url))
    with ThreadPoolExecutor(max(len(by_site), 1)) as pool:
        list(pool.map(_use_in_turn, by_site.values()))


if __name__ == "__main__":
    main()
