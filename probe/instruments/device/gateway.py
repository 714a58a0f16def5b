"""The first hop: does the default gateway answer a ping? Unprivileged, where the system allows it."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from pathlib import Path

from probe.core.tables.run_words import Gateway
from probe.core.tables.systems import LINUX


def read_default_gateway(path: str = "/proc/net/route") -> str:
    """IPv4 address of the default gateway; empty where there is none or it cannot be read (proc(5))."""
    with contextlib.suppress(OSError, ValueError, IndexError, struct.error):
        for line in Path(path).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[1] == "00000000" and int(fields[2], 16):
                return socket.inet_ntoa(struct.pack("<I", int(fields[2], 16)))
    return ""


def probe_gateway(timeout_s: float = 1.0) -> Gateway:
    """answers, silent, none (no gateway, e.g. a point-to-point line) or unknown (no permission to ask, or a system
    that tells of no routes)."""
    gateway = read_default_gateway()
    if not gateway and not LINUX:
        return "unknown"
    if not gateway:
        return "none"
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) as sock:
            sock.settimeout(timeout_s)
            sock.connect((gateway, 0))
            sock.send(struct.pack(">BBHHH", 8, 0, 0, 0, 1) + os.urandom(16))
            sock.recv(256)
            return "answers"
    except TimeoutError:
        return "silent"
    except OSError:
        return "unknown"
