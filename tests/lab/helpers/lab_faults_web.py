"""What hosts with a fault of their web servers do to whoever asks, as checks on a world in which they stand."""

from __future__ import annotations

import time
import zlib
from http.client import HTTPException

import pytest

from lab_faults_world import BAD
from lab_servers_world import Served, connect, get


def status(served: Served) -> None:
    answer = get(served, f"https://{BAD}/anything", source=served.world.client4)
    assert (answer.status, answer.headers["Retry-After"], answer.body) == (429, "60", b"too many")
    assert get(served, f"https://{BAD}/", source=served.world.vantages[0].ipv4).status == 200


def endless(served: Served) -> None:
    client = served.trusting().wrap_socket(connect(served.address(BAD), 443), server_hostname=BAD)
    client.sendall(f"GET / HTTP/1.1\r\nHost: {BAD}\r\n\r\n".encode())
    total = 0
    while total < 3_000_000:
        data = client.recv(65536)
        assert data, "the endless body ended"
        total += len(data)
    client.close()


def gzip_bomb(served: Served) -> None:
    client = served.trusting().wrap_socket(connect(served.address(BAD), 443), server_hostname=BAD)
    client.sendall(f"GET / HTTP/1.1\r\nHost: {BAD}\r\nConnection: close\r\n\r\n".encode())
    packed = b""
    while data := client.recv(65536):
        packed += data
    _, _, packed = packed.partition(b"\r\n\r\n")
    assert len(packed) < 2_000_000
    members = 0
    while packed:
        member = zlib.decompressobj(31)
        assert len(member.decompress(packed)) == 1 << 24
        packed, members = member.unused_data, members + 1
    assert members == 64


def redirect_loop(served: Served) -> None:
    target, count = "/", 0
    while True:
        answer = get(served, f"https://{BAD}{target}")
        if answer.status != 302:
            break
        target, count = answer.headers["Location"], count + 1
    assert (count, answer.status) == (100, 200)


def redirect_to(served: Served) -> None:
    answer = get(served, f"https://{BAD}/")
    assert (answer.status, answer.headers["Location"]) == (302, "http://blocked.example/?id=1")


def huge_headers(served: Served) -> None:
    with pytest.raises(HTTPException):
        get(served, f"https://{BAD}/")


def binary_headers(served: Served) -> None:
    client = served.trusting().wrap_socket(connect(served.address(BAD), 443), server_hostname=BAD)
    client.sendall(f"GET / HTTP/1.1\r\nHost: {BAD}\r\n\r\n".encode())
    data = client.recv(65536)
    assert data.startswith(b"HTTP/1.1 200")
    assert b"\x00\x1b[2J" in data


def capped(served: Served) -> None:
    for version in ("1.1", "1.0"):
        client = served.trusting().wrap_socket(connect(served.address(BAD), 443), server_hostname=BAD)
        client.sendall(f"GET / HTTP/{version}\r\nHost: {BAD}\r\nConnection: keep-alive\r\n\r\n".encode())
        data = b""
        while piece := client.recv(65536):
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        assert len(body) == 100


def slow(served: Served) -> None:
    client = served.trusting().wrap_socket(connect(served.address(BAD), 443), server_hostname=BAD)
    client.sendall(f"GET / HTTP/1.1\r\nHost: {BAD}\r\nConnection: close\r\n\r\n".encode())
    begin, data = time.monotonic(), b""
    while piece := client.recv(65536):
        data += piece
    assert data.startswith(b"HTTP/1.1 200")
    assert time.monotonic() - begin > len(data) / 20_000


LATE_S = 1.5


def late(served: Served) -> None:
    begin_s = time.monotonic()
    answer = get(served, f"https://{BAD}/")
    assert (answer.status, BAD.encode() in answer.body) == (200, True)
    assert time.monotonic() - begin_s >= LATE_S
