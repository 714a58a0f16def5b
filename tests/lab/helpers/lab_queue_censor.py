"""A censor in user space: it drops TCP segments to one address that contain a word, from netfilter queue 7.

Arguments: `WORD`. It speaks nfnetlink_queue(the kernel's linux/netfilter/nfnetlink_queue.h) over a plain socket.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Iterator

_NETLINK_NETFILTER = 12
_PACKET, _VERDICT, _CONFIG = (3 << 8 | number for number in (0, 1, 2))
_REQUEST = 1
_QUEUE = 7
_DROP, _ACCEPT = 0, 1


def message(kind: int, *attributes: tuple[int, bytes]) -> bytes:
    """One netfilter message for the queue."""
    body = struct.pack("!BBH", 0, 0, _QUEUE)
    for number, value in attributes:
        body += struct.pack("=HH", 4 + len(value), number) + value + bytes(-len(value) % 4)
    return struct.pack("=IHHII", 16 + len(body), kind, _REQUEST, 0, 0) + body


def attributes_of(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and value of every attribute of one message."""
    place = 20
    while place + 4 <= len(data):
        length, number = struct.unpack_from("=HH", data, place)
        yield number & 0x3FFF, data[place + 4 : place + length]
        place += length + 3 & ~3


def main(word: bytes) -> None:
    """Judge packets for ever."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER) as queue:
        queue.bind((0, 0))
        queue.send(message(_CONFIG, (2, struct.pack("!IB", 0xFFFF, 2))))  # whole packets
        queue.send(message(_CONFIG, (1, struct.pack("!BBH", 1, 0, 0))))  # bind
        queue.send(message(_CONFIG, (2, struct.pack("!IB", 0xFFFF, 2))))
        while True:
            data = queue.recv(1 << 17)
            if struct.unpack_from("=IH", data)[1] != _PACKET:
                continue
            found = dict(attributes_of(data))
            packet = found.get(10, b"")
            verdict = _DROP if word in packet else _ACCEPT
            if verdict == _DROP:
                print(f"dropped {socket.inet_ntoa(packet[16:20])} for {word.decode()} <", flush=True)
            queue.send(message(_VERDICT, (2, struct.pack("!I", verdict) + found[1][:4])))


if __name__ == "__main__":
    main(sys.argv[1].encode())
