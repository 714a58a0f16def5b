"""Writes small files in the MaxMind DB format, by its specification (version 2.0)."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Mapping
from pathlib import Path

Plain = str | int | Mapping[str, "Plain"]
MARK = b"\xab\xcd\xefMaxMind.com"
EMPTY = -1


def mmdb(networks: Mapping[str, Plain], *, version: int = 6, kind: str = "Test", made: int = 1_750_000_000) -> bytes:
    """The file: network -> record. Of overlapping networks the later one must be the smaller."""
    nodes: list[list[int]] = [[EMPTY, EMPTY]]
    records: list[bytes] = []
    for text, record in networks.items():
        network = ipaddress.ip_network(text)
        bits = f"{int(network.network_address):0{network.max_prefixlen}b}"[:network.prefixlen]
        if network.version == 4 and version == 6:
            bits = "0" * 96 + bits
        _insert(nodes, bits, -2 - len(records))
        records.append(encoded(record))
    places = [sum(map(len, records[:number])) for number in range(len(records))]
    tree = b"".join(struct.pack(">II", *(_pointer(value, len(nodes), places) for value in node)) for node in nodes)
    about: dict[str, Plain] = {
        "binary_format_major_version": 2, "binary_format_minor_version": 0, "build_epoch": made, "database_type": kind,
        "description": {}, "ip_version": version, "node_count": len(nodes), "record_size": 32,
    }
    return tree + bytes(16) + b"".join(records) + MARK + encoded(about, languages=True)


def write_mmdb(path: Path, networks: Mapping[str, Plain], *, version: int = 6, kind: str = "Test",
               made: int = 1_750_000_000) -> str:
    path.write_bytes(mmdb(networks, version=version, kind=kind, made=made))
    return str(path)


def encoded(value: Plain, *, languages: bool = False) -> bytes:
    """One value of the data section; the metadata must have a list of languages besides."""
    if isinstance(value, str):
        data = value.encode()
        assert len(data) < 29
        return bytes([2 << 5 | len(data)]) + data
    if isinstance(value, int):
        data = value.to_bytes((value.bit_length() + 7) // 8, "big")
        return bytes([len(data), 2] if len(data) > 4 else [6 << 5 | len(data)]) + data
    body = b"".join(encoded(key) + encoded(item) for key, item in value.items())
    body += encoded("languages") + bytes([0, 4]) if languages else b""
    return bytes([7 << 5 | len(value) + languages]) + body


def _insert(nodes: list[list[int]], bits: str, leaf: int) -> None:
    at = 0
    for bit in map(int, bits[:-1]):
        if nodes[at][bit] < 0:
            nodes.append([nodes[at][bit]] * 2)  # a larger network's record, or nothing, on both sides
            nodes[at][bit] = len(nodes) - 1
        at = nodes[at][bit]
    nodes[at][int(bits[-1])] = leaf


def _pointer(value: int, nodes: int, places: list[int]) -> int:
    return value if value >= 0 else nodes if value == EMPTY else nodes + 16 + places[-2 - value]
