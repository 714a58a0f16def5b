"""Runs on the client's side: uses sites by programs, one after another, and says how each use ended.

`python -m probe_lab.users.use_sites` reads `[[program, url], ...]` as JSON from its standard input and writes one JSON
line for each: program, target, word, and from when to when it ran on the machine's monotonic clock.
"""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
import time
from urllib.parse import urlsplit

from probe_lab.users.user_programs import ABSENT, IMPERSONATED, SERVED

TIMEOUT_S = 6.0
MESSAGES = 4
"""That the messenger sends on its one connection."""
BETWEEN_S = 0.2
_TRUST = "/etc/ssl/certs/ca-certificates.crt"
_MOST_BYTES = 1 << 16
_WORDS = {35: "cut", 52: "closed", 55: "cut", 56: "cut", 28: "timeout", 7: "refused"}
"""Of libcurl's errors."""


def use_site(program: str, url: str) -> str:
    """How one use ended: `served`, `absent`, or a word for the failure."""
    try:
        if program in IMPERSONATED:
            return _browse(IMPERSONATED[program], url)
        return _shake_hands(url) if program == "openssl" else _chat(url)
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


def _shake_hands(url: str) -> str:
    host, port = _place(url)
    command = ["openssl", "s_client", "-brief", "-connect", f"{host}:{port}", "-servername", host]
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
    context = ssl.create_default_context(cafile=_TRUST)
    with (socket.create_connection((host, port), TIMEOUT_S) as plain,
          context.wrap_socket(plain, server_hostname=host) as stream):
        for _ in range(MESSAGES):
            stream.sendall(request)
            if not stream.recv(_MOST_BYTES):
                return "closed"
            time.sleep(BETWEEN_S)
    return SERVED


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 443


def main() -> None:
    """Carry out the orders on standard input."""
    for program, url in json.load(sys.stdin):
        begin_s = time.monotonic()
        word = use_site(program, url)
        print(json.dumps({"program": program, "target": url, "word": word, "begin_s": begin_s,
                          "end_s": time.monotonic()}), flush=True)


if __name__ == "__main__":
    main()
