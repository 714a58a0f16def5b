"""A download that keeps its connection full: requests in a row over one TLS connection, some ahead of their answers.

Arguments: ADDRESS PORT NAME WANTED_BYTES SECONDS. Prints one JSON object: `sport`, `bytes` read inside TLS, `failure`
("" when all that was wanted came, else an errno's name, `timeout` after so many seconds without a byte, `closed`, `tls`
and OpenSSL's reason), `stage`, and `begin_s` and `end_s` on CLOCK_MONOTONIC. A sixth argument is the source port.
"""

from __future__ import annotations

import errno
import json
import socket
import ssl
import sys
import time
from typing import Any

AHEAD = 12
"""Requests under way at once: enough to outweigh the longest round trip."""
END_OF_HEAD = b"\r\n\r\n"


def pull(result: dict[str, Any], sock: socket.socket, *, name: str, wanted: int) -> None:
    """Shake hands, then ask for the root again and again until so many bytes have come."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(sock, server_hostname=name) as session:
        result["stage"] = "secured"
        request = f"GET / HTTP/1.1\r\nHost: {name}\r\n\r\n".encode()
        session.sendall(request * AHEAD)
        tail = b""
        while result["bytes"] < wanted:
            data = session.recv(16_384)
            if not data:
                raise EOFError
            result["bytes"] += len(data)
            answers = (tail + data).count(END_OF_HEAD)
            tail = data[-(len(END_OF_HEAD) - 1):]
            if answers:
                session.sendall(request * answers)


def main(address: str, port: str, name: str, wanted: str, patience_s: str, sport: str = "0") -> None:
    """One download."""
    result: dict[str, Any] = {"stage": "connect", "failure": "", "bytes": 0, "begin_s": time.monotonic()}
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    sock.settimeout(float(patience_s))
    sock.bind(("", int(sport)))
    result["sport"] = sock.getsockname()[1]
    try:
        sock.connect((address, int(port)))
        result["stage"] = "connected"
        pull(result, sock, name=name, wanted=int(wanted))
    except TimeoutError:
        result["failure"] = "timeout"
    except EOFError:
        result["failure"] = "closed"
    except ssl.SSLError as error:
        result["failure"] = f"tls {error.reason}"
    except OSError as error:
        result["failure"] = errno.errorcode.get(error.errno or 0, type(error).__name__)
    print(json.dumps({**result, "end_s": time.monotonic()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
