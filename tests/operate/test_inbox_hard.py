"""The inbox on hard days: many at once, a kill in the middle, a full disk, and volunteers who are none."""

from __future__ import annotations

import base64
import hashlib
import os
import random
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
import requests

from inbox_world import PASSWORD, InboxProcess, InboxWorld, name_run
from probe.upkeep.upload.sender import UploadError
from upload_world import free_ports, no_proxies

TIMEOUT_S = 60


@pytest.fixture(autouse=True)
def _on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    no_proxies(monkeypatch)


@contextmanager
def started(home: Path, names: list[str], *arguments: str) -> Iterator[tuple[InboxProcess, InboxWorld]]:
    [port] = free_ports(1)
    inbox = InboxProcess(home=home, port=port, names=names, arguments=arguments)
    try:
        yield inbox, inbox.start()
    finally:
        inbox.kill()


def in_threads(work: Callable[[str], None], names: list[str]) -> None:
    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def content_of(name: str, size: int = 30_000) -> bytes:
    return random.Random(name).randbytes(size)


def digests(world: InboxWorld) -> set[bytes]:
    return {hashlib.sha256(content).digest() for content in world.files().values()}


@pytest.mark.slow
def test_200_volunteers_at_once_and_a_kill_in_the_middle(tmp_path: Path) -> None:
    """Nothing that was answered is lost, and whoever was not answered sends again until all is there."""
    names = [f"v{number}" for number in range(200)]
    answered: dict[str, bytes] = {}
    counted, again = threading.Condition(), threading.Event()

    def upload(who: str) -> None:
        for number in range(3):
            name = name_run(who, number)
            while not is_taken(name):
                again.wait(0.2)
            with counted:
                answered[name] = hashlib.sha256(content_of(name)).digest()
                counted.notify()

    def is_taken(name: str) -> bool:
        with suppress(UploadError):
            return bool(world.sender(name.partition("/")[0]).put(name, content_of(name), timeout_s=TIMEOUT_S))
        return False

    def break_off() -> None:
        for many in (100, 250, 400):
            with counted:
                while len(answered) < many:
                    counted.wait(TIMEOUT_S)
                before = {*answered.values()}
                inbox.kill()
            lost.append(before - digests(world))
            inbox.start()

    lost: list[set[bytes]] = []
    with started(tmp_path, names) as (inbox, world):
        breaker = threading.Thread(target=break_off)
        breaker.start()
        in_threads(upload, names)
        breaker.join()
    assert lost == [set()] * 3
    assert digests(world) == {*answered.values()}
    assert (len(answered), len(world.files())) == (600, 600)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a small disk")
def test_a_full_disk_loses_nothing_and_takes_again_when_there_is_room(tmp_path: Path) -> None:
    home = tmp_path / "disk"
    home.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "inbox-test", str(home)],
                          capture_output=True, check=False)
    if done.returncode:
        pytest.skip("no disk can be mounted here")
    try:
        with started(home, ["a", "b"]) as (inbox, world):
            taken, full = {}, 0
            for number in range(40):
                name = name_run("a", number)
                status = requests.put(f"{world.url}/{name}", data=content_of(name, 250_000), timeout=TIMEOUT_S,
                                      auth=("a", PASSWORD.format("a"))).status_code
                assert status in (201, 507)
                full += status == 507
                if status == 201:
                    taken[name] = hashlib.sha256(content_of(name, 250_000)).digest()
            assert full > 20
            assert digests(world) == {*taken.values()}
            inbox.kill()
            inbox.start()
            assert digests(world) == {*taken.values()}
            next(world.folder.rglob("*.tgz")).unlink()
            world.sender("b").put(name_run("b", 1), b"x", timeout_s=TIMEOUT_S)
            with pytest.raises(UploadError):
                world.sender("b").put(name_run("b", 2), content_of("b", 1_000_000), timeout_s=TIMEOUT_S)
    finally:
        subprocess.run(["umount", "--lazy", str(home)], check=False)


class Hostile:
    """What hostile volunteers do, until it is over."""

    def __init__(self, world: InboxWorld, victims: list[str]) -> None:
        self.world, self.victims, self.over = world, victims, threading.Event()

    def put(self, who: str, name: str, content: bytes) -> None:
        """An upload; nobody cares what becomes of it."""
        requests.put(f"{self.world.url}/{name}", data=content, auth=(who, PASSWORD.format(who)), timeout=TIMEOUT_S)

    def squat(self, who: str) -> None:
        """Takes names of others, and of folders."""
        for name in ("sealed", "proofs", *self.victims, *(name_run(each, number) for each in self.victims
                                                          for number in range(5))):
            self.put(who, name, b"mine")

    def fill(self, who: str) -> None:
        """Sends much."""
        for number in range(100):
            if not self.over.is_set():
                self.put(who, name_run(who, number), bytes(1 << 20))

    def drip(self, who: str) -> None:
        """Sends on many connections at once, and slowly."""
        login = base64.b64encode(f"{who}:{PASSWORD.format(who)}".encode()).decode()
        host, port = self.world.url.split("/")[2].split(":")
        with ExitStack() as stack:
            for number in range(60):
                sock = stack.enter_context(socket.create_connection((host, int(port)), TIMEOUT_S))
                sock.sendall(f"PUT /inbox/{name_run(who, number)} HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n"
                             f"Authorization: Basic {login}\r\n\r\nx".encode())
            self.over.wait()


def test_4_hostile_volunteers_stop_none_of_20_honest_ones(tmp_path: Path) -> None:
    """They squat on names, send much, and send slowly; all that is honest arrives at the first try."""
    honest, hostile = [f"v{number}" for number in range(20)], [f"bad{number}" for number in range(4)]
    arrived: list[str] = []
    with started(tmp_path, honest + hostile, "--mb-per-day", "20", "--files-per-day", "300") as (_, world):
        def upload(who: str) -> None:
            sender = world.sender(who)
            for number in range(5):
                sender.put(name_run(who, number), content_of(name_run(who, number)), timeout_s=TIMEOUT_S)
                arrived.append(name_run(who, number))

        evil = Hostile(world, honest)
        works = zip(hostile, (evil.squat, evil.fill, evil.fill, evil.drip), strict=True)
        threads = [threading.Thread(target=work, args=(who,)) for who, work in works]
        for thread in threads:
            thread.start()
        in_threads(upload, honest)
        evil.over.set()
        for thread in threads:
            thread.join()
    assert len(arrived) == 100
    assert {hashlib.sha256(content_of(name)).digest() for name in arrived} <= digests(world)
    for who in hostile:
        mine = [path.stat().st_size for folder in world.folder.glob(f"{who}*") for path in folder.rglob("*")
                if path.is_file()]
        assert (sum(mine) <= 20_000_000, len(mine) <= 300) == (True, True)
