"""STUN binding requests (RFC 8489), on the client's side of a laboratory; prints JSON with what happened and when.

Arguments: `ADDRESS PORT`; `--count` requests, `--interval` seconds apart, `--timeout` seconds for each answer,
`--allocate` (TURN, RFC 8656) instead of a binding, `--classic` (RFC 3489, without the magic cookie).

Printed: `sent`, `received`, `outcome` (ok, timeout, refused, or `error` with its `code`), `mapped` (the address that
the server saw), `local` (ours), `answers_s`: seconds from each request to its answer, null where none came.
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import os
import socket
import struct
import time
from typing import Any

COOKIE = bytes.fromhex("2112a442")


def read(message: bytes, transaction: bytes) -> dict[str, Any] | None:
    """What an answer to this transaction says; None for anything else."""
    if len(message) < 20 or message[4:20] != transaction:
        return None
    found: dict[str, Any] = {"type": message[:2].hex()}
    at = 20
    while at + 4 <= len(message):
        kind, length = struct.unpack_from("!HH", message, at)
        value = message[at + 4 : at + 4 + length]
        if kind == 0x0020:
            key = transaction
            port = int.from_bytes(value[2:4]) ^ int.from_bytes(key[:2])
            address = bytes(a ^ b for a, b in zip(value[4:], key, strict=False))
            found["mapped"] = [str(ipaddress.ip_address(address)), port]
        elif kind == 0x0001:
            found["mapped"] = [str(ipaddress.ip_address(value[4:])), int.from_bytes(value[2:4])]
        elif kind == 0x0009:
            found["code"] = value[2] * 100 + value[3]
        at += 4 + length + -length % 4
    return found


def ask(client: socket.socket, options: argparse.Namespace) -> tuple[float | None, dict[str, Any]]:
    """One request; seconds to its answer and what that says."""
    transaction = (os.urandom(4) if options.classic else COOKIE) + os.urandom(12)
    started = time.monotonic()
    try:
        client.send(struct.pack("!HH", 3 if options.allocate else 1, 0) + transaction)
        while (left_s := started + options.timeout - time.monotonic()) > 0:
            client.settimeout(left_s)
            said = read(client.recv(2048), transaction)
            if said:
                return time.monotonic() - started, {"outcome": "error" if "code" in said else "ok", **said}
    except TimeoutError:
        pass
    except ConnectionRefusedError:
        return None, {"outcome": "refused"}
    return None, {"outcome": "timeout"}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--interval", type=float, default=0.0)
    parser.add_argument("--timeout", type=float, default=3.0)
    parser.add_argument("--allocate", action="store_true")
    parser.add_argument("--classic", action="store_true")
    options = parser.parse_args()
    client = socket.socket(socket.AF_INET6 if ":" in options.address else socket.AF_INET, socket.SOCK_DGRAM)
    client.connect((options.address, options.port))
    answers: list[float | None] = []
    found: dict[str, Any] = {}
    for number in range(options.count):
        if number:
            time.sleep(options.interval)
        answer_s, said = ask(client, options)
        answers.append(answer_s)
        if answer_s is not None or not found:
            found = said
    received = sum(answer is not None for answer in answers)
    local = list(client.getsockname()[:2])
    print(json.dumps({**found, "sent": options.count, "received": received, "local": local, "answers_s": answers}))


if __name__ == "__main__":
    main()
