"""Some bytes said to a server, from wherever this runs; prints JSON with how far it got and the first that came back.

Arguments: `tcp` or `udp`, address, port, hexadecimal digits, seconds to wait. Printed: `stage` (connect, sent),
`failure` (an errno's name, `timeout`, `closed`; empty where an answer came) and `data`, hexadecimal.
"""

from __future__ import annotations

import errno
import json
import socket
import sys
from typing import Any


def say(transport: str, address: str, port: int, payload: bytes, timeout_s: float) -> dict[str, Any]:
    """One exchange; failures are words, not exceptions."""
    found = {"stage": "connect", "failure": "", "data": ""}
    kind = socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind) as sock:
        sock.settimeout(timeout_s)
        try:
            sock.connect((address, port))
            sock.send(payload)
            found["stage"] = "sent"
            found["data"] = sock.recv(65_535).hex()
            found["failure"] = "" if found["data"] else "closed"
        except TimeoutError:
            found["failure"] = "timeout"
        except OSError as error:
            found["failure"] = errno.errorcode.get(error.errno or 0, type(error).__name__)
    return found


if __name__ == "__main__":
    print(json.dumps(say(sys.argv[1], sys.argv[2], int(sys.argv[3]), bytes.fromhex(sys.argv[4]), float(sys.argv[5]))))
