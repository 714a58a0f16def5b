"""Offers a flow far more than it may carry: one packet again and again, past the client's kernel, at an even pace.

Arguments: PACKET (hexadecimal IPv4), PACKETS_PER_SECOND, SECONDS. Prints how many were sent.
"""

from __future__ import annotations

import socket
import sys
import time


def main(packet: str, rate: str, seconds: str) -> None:
    """Send."""
    data = bytes.fromhex(packet)
    to = (socket.inet_ntoa(data[16:20]), 0)
    begin_s, count = time.monotonic(), round(float(rate) * float(seconds))
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as sock:
        for number in range(count):
            time.sleep(max(0.0, begin_s + number / float(rate) - time.monotonic()))
            sock.sendto(data, to)
    print(count)


if __name__ == "__main__":
    main(*sys.argv[1:])
