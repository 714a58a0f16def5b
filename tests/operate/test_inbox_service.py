"""An inbox of its own: each volunteer has a place and a share there, and what it took stays as it came."""

from __future__ import annotations

import hashlib
import operator
import os
import socket
import threading
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from inbox_world import PASSWORD, SMALL, InboxProcess, make_logins, name_run, receiving
from issuer_world import grown, issuing
from probe.config.settings import UploadSettings
from probe.store.archive.proof_names import make_proof_name
from probe.upkeep.upload.http_upload import HttpSender
from probe.upkeep.upload.introduction import Introduction
from probe.upkeep.upload.sender import UploadError
from probe.upkeep.upload.upload_send import send_waiting_runs
from probe_operate.collect.collecting import collect_runs
from probe_operate.receiving.inbox_folder import InboxFolder
from probe_operate.receiving.logins import LoginFile, make_login, read_logins, write_logins
from probe_operate.receiving.name_cards import read_card
from probe_operate.receiving.upload_names import place_upload
from upload_world import free_ports, no_proxies, with_runs

TIMEOUT_S = 30


@pytest.fixture(autouse=True)
def _on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    no_proxies(monkeypatch)


def put(url: str, name: str, content: bytes = b"x", *, who: str = "a", password: str = "", **more: str) -> int:
    login = (who, password or PASSWORD.format(who))
    return requests.put(f"{url}/{name}", data=content, auth=login, headers=more, timeout=TIMEOUT_S).status_code


# ---- names and places

@pytest.mark.parametrize(("name", "place"), [
    ("v1/archives/date=2026-11-28/r.tgz", "archives/date=2026-11-28/r.tgz"),
    ("v2/archives/date=2026-11-28/r.tgz", "archives/date=2026-11-28/r.tgz"),
    (f"sealed/{'0' * 32}.age", f"sealed/{'0' * 32}.age"),
    (f"proofs/2026-11-{'0' * 24}.json", f"proofs/2026-11-{'0' * 24}.json"),
    ("sealed", ""), ("sealed/", ""), ("sealed/x.age", ""), (f"a/sealed/{'0' * 32}.age", ""), ("proofs", ""),
    ("v1", ""), ("v1/archives", ""), ("v1/archives/date=2026-11-28", ""), ("v1/archives/date=2026-02-30/r.tgz", ""),
    ("v1/archives/date=2026-11-28/.r.tgz", ""), ("../archives/date=2026-11-28/r.tgz", ""),
    ("v1/archives/date=2026-11-28/../r.tgz", ""), ("v1/runs/date=2026-11-28/r.csv", ""), ("", ""), ("/", ""),
    ("v1/archives/date=2026-11-28/r.tgz\n", ""), ("v1/archives/date=2026-11-28/r.tgz\0", ""),
])
def test_names_have_one_of_three_shapes(name: str, place: str) -> None:
    assert place_upload(name) == place


@given(st.text() | st.from_regex(r"[a./=\-0-9]{0,80}\.tgz"))
def test_no_name_leads_out_of_the_folder(name: str) -> None:
    parts = place_upload(name).split("/")
    assert not {"..", ".", ""} & {*parts} or parts == [""]
    assert not any(part.startswith(".") for part in parts)


def test_one_volunteer_takes_nobodys_place(tmp_path: Path) -> None:
    """With names of folders, of shared folders, and with the very name of another's run."""
    with receiving(tmp_path, "a", "bad") as world:
        for name in ("sealed", "proofs", "a", "a/archives", "a/archives/date=2026-11-28", "inbox", ""):
            assert put(world.url, name, who="bad") == 400, name
            asked = requests.request("MKCOL", f"{world.url}/{name}", auth=("bad", PASSWORD.format("bad")),
                                     timeout=TIMEOUT_S)
            assert asked.status_code == 405
        names = (name_run("a", 1), f"sealed/{'1' * 32}.age")
        for name in names:
            assert put(world.url, name, b"forged", who="bad") == 201
            assert put(world.url, name, b"true") == 201
        found = world.files()
    assert sorted(found.values()) == [b"forged"] * 2 + [b"true"] * 2
    assert {path for path, content in found.items() if content == b"true"} == {
        "a/archives/date=2026-11-28/r-a-1.tgz", f"a/{names[1]}"}


def test_nothing_is_written_over_and_nothing_twice(tmp_path: Path) -> None:
    """Who shares a login may send other content under a name that is taken: it goes beside."""
    name = name_run("a", 1)
    with receiving(tmp_path, "a") as world:
        assert [put(world.url, name, content) for content in (b"1", b"1", b"2", b"2", b"1")] == [201, 204, 201, 204,
                                                                                                204]
        beside = f"a+{hashlib.sha256(b'2').hexdigest()[:16]}"
        assert world.files() == {"a/archives/date=2026-11-28/r-a-1.tgz": b"1",
                                 f"{beside}/archives/date=2026-11-28/r-a-1.tgz": b"2"}
        assert world.desk
        assert world.desk.shares._used["a"].files == 2
    assert not list((tmp_path / "inbox-partly" / "coming").iterdir())


def test_a_proof_is_named_by_what_is_in_it(tmp_path: Path) -> None:
    with receiving(tmp_path, "a", "bad") as world:
        name = make_proof_name("2026-11", b"true")
        assert put(world.url, name, b"forged", who="bad") == 400
        assert [put(world.url, name, b"true", who=who) for who in ("a", "bad")] == [201, 204]
        assert world.files() == {name: b"true"}


# ---- who may

def test_nobody_uploads_without_a_login_and_nobody_reads(tmp_path: Path) -> None:
    with receiving(tmp_path, "a") as world:
        name = name_run("a", 1)
        assert put(world.url, name, password="wrong") == 401
        assert put(world.url, name, who="b") == 401
        assert requests.put(f"{world.url}/{name}", data=b"x", timeout=TIMEOUT_S).status_code == 401
        for told in ("Basic", "Basic !", "Basic YQ==", "Bearer x", "Probe-Name x", "Probe-Name e30="):
            answer = requests.put(f"{world.url}/{name}", data=b"x", headers={"Authorization": told}, timeout=TIMEOUT_S)
            assert answer.status_code == 401, told
        assert put(world.url, name) == 201
        for method in ("GET", "HEAD", "DELETE", "MOVE", "COPY", "PROPFIND", "POST", "PATCH"):
            asked = requests.request(method, f"{world.url}/{name}", auth=("a", PASSWORD.format("a")), timeout=TIMEOUT_S)
            assert asked.status_code == 405, method
        assert requests.get(world.url.replace("/inbox", "/health"), timeout=TIMEOUT_S).status_code == 200


def test_logins_count_as_soon_as_they_are_written(tmp_path: Path) -> None:
    path = make_logins(tmp_path, ["a"])
    logins = LoginFile(path)
    assert logins.find("a", PASSWORD.format("a"))
    assert not logins.find("b", "new")
    write_logins(path, [*read_logins(path).values(), make_login("b", "new", shares=3)])
    found = logins.find("b", "new")
    assert found
    assert (found.shares, logins.find("a", "new")) == (3, None)


@pytest.mark.parametrize("name", ["", "A", "a b", "a:b", "a+b", "a.b", "-a", "a" * 41, "sealed", "proofs", "archives",
                                  "runs", "parquet", "a\n"])
def test_a_login_is_called_as_no_folder_is(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        make_login(name, "x")


@pytest.mark.parametrize("headers", [
    b"Content-Length: 10\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"Content-Length: 99999999999\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", b"Content-Length: -1\r\n\r\n",
    b"Content-Length: 10\r\n\r\n12345", b"\r\n",
])
def test_a_request_of_no_certain_length_stores_nothing(tmp_path: Path, headers: bytes) -> None:
    with receiving(tmp_path, "a") as world:
        host, port = world.url.split("/")[2].split(":")
        with socket.create_connection((host, int(port)), TIMEOUT_S) as sock:
            sock.sendall(f"PUT /inbox/{name_run('a', 1)} HTTP/1.1\r\nHost: h\r\nAuthorization: Basic "
                         "YTpnZWhlaW0tYQ==\r\n".encode() + headers)
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(4096):
                pass
        assert put(world.url, name_run("a", 2)) == 201
        assert list(world.files()) == ["a/archives/date=2026-11-28/r-a-2.tgz"]
    assert not list((tmp_path / "inbox-partly" / "coming").iterdir())


# ---- shares

@pytest.mark.parametrize(("sizes", "statuses"), [
    ([1] * 6, [201] * 5 + [429]),
    ([1500, 600, 500, 1], [201, 429, 201, 429]),
    ([2001, 2000], [429, 201]),
])
def test_a_day_has_so_many_bytes_and_files(tmp_path: Path, sizes: list[int], statuses: list[int]) -> None:
    with receiving(tmp_path, "a", "b", limits=SMALL) as world:
        assert [put(world.url, name_run("a", number), b"x" * size) for number, size in enumerate(sizes)] == statuses
        assert put(world.url, name_run("b", 0), who="b") == 201
    with receiving(tmp_path, "a", "b", limits=SMALL, shares=2) as world:  # counted anew from the disk
        assert put(world.url, name_run("a", 100), b"x") == 201


def test_what_all_days_have_sent_is_counted_too(tmp_path: Path) -> None:
    today = date(2026, 11, 28)
    with receiving(tmp_path, "a", limits=SMALL) as world:
        assert world.desk
        answers = []
        for day in range(4):
            world.desk.shares.get_day = partial(operator.add, today, timedelta(days=day))
            for path in world.folder.rglob("*.tgz"):
                os.utime(path, (0, 0))
            answers.append([put(world.url, name_run("a", 10 * day + number)) for number in range(5)])
    assert answers == [[201] * 5, [201] * 5, [201, 201, 507, 507, 507], [507] * 5]


def test_over_its_share_a_volunteer_is_told_and_keeps_what_waits(tmp_path: Path) -> None:
    results = with_runs(tmp_path / "results", "abc")
    with receiving(tmp_path, "a", limits=SMALL) as world:
        assert world.desk
        tight = SMALL.__class__(bytes_per_day=1 << 20, files_per_day=2, bytes=1 << 30, files=100)
        world.desk.shares.limits = tight
        done = send_waiting_runs(results, world.url, world.sender("a"), for_s=TIMEOUT_S)
        assert (done.runs, done.left) == (2, 1)
        assert "today" in done.failure
        world.desk.shares.get_day = lambda: date(2099, 1, 1)
        done = send_waiting_runs(results, world.url, world.sender("a"), for_s=TIMEOUT_S)
        assert (done.runs, done.left, done.failure) == (1, 0, "")
        assert collect_runs([world.folder], tmp_path / "out").taken == 3


def test_where_the_disk_is_nearly_full_nothing_is_taken(tmp_path: Path) -> None:
    with receiving(tmp_path, "a", least_free_bytes=1 << 60) as world:
        assert put(world.url, name_run("a", 1)) == 507
        assert world.files() == {}


def test_one_file_at_a_time_may_come_slowly_and_others_pass(tmp_path: Path) -> None:
    """Four of a hostile sender's connections hold back his own fifth, and nobody else's."""
    with receiving(tmp_path, "a", "bad") as world:
        host, port = world.url.split("/")[2].split(":")
        held = []
        for number in range(12):
            sock = socket.create_connection((host, int(port)), TIMEOUT_S)
            sock.sendall(f"PUT /inbox/{name_run('bad', number)} HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n"
                         "Authorization: Basic YmFkOmdlaGVpbS1iYWQ=\r\n\r\nx".encode())
            held.append(sock)
        assert [put(world.url, name_run("a", number)) for number in range(20)] == [201] * 20
        for sock in held:
            sock.close()


# ---- after a stop

def test_what_was_not_whole_is_gone_after_a_stop(tmp_path: Path) -> None:
    coming = tmp_path / "inbox-partly" / "coming"
    coming.mkdir(parents=True)
    (coming / "left").write_bytes(b"half")
    InboxFolder(tmp_path / "inbox", least_free_bytes=0)
    assert not list(coming.iterdir())


def test_a_disk_without_room_for_a_file_loses_none_that_was_taken(tmp_path: Path) -> None:
    """The system refuses in the middle of a file."""
    [port] = free_ports(1)
    inbox = InboxProcess(home=tmp_path, port=port, names=["a"], limit_bytes=100_000)
    world = inbox.start()
    try:
        assert put(world.url, name_run("a", 1), b"x" * 99_000) == 201
        assert put(world.url, name_run("a", 2), b"x" * 500_000) == 507
        assert put(world.url, name_run("a", 3), b"y") == 201
    finally:
        inbox.kill()
    assert sorted(map(len, world.files().values())) == [1, 99_000]


# ---- names of a month

def test_who_has_a_proof_of_age_needs_no_login(tmp_path: Path) -> None:
    """Each name of a month has a share; a card of another file, or of another's name, is worth nothing."""
    with issuing(tmp_path / "world", tmp_path) as world:
        volunteer = grown(world)
        volunteer.renew()
        introduce = Introduction(world.digest, lambda: world.clock.now, folder=volunteer.state)
        with receiving(tmp_path, "x", limits=SMALL, issuer=world.keys) as inbox:
            assert inbox.desk
            inbox.desk.get_now = lambda: world.clock.now
            sender = HttpSender(UploadSettings(to=inbox.url), {}, introduce=introduce)
            name = name_run("a", 1)
            card = introduce(name, b"x")
            read = read_card(card)
            assert read
            sender.put(name, b"x", timeout_s=TIMEOUT_S)
            assert list(inbox.files()) == [f"proven.{read.proof.probe_id}/archives/date=2026-11-28/r-a-1.tgz"]

            def send(card: str, name: str, content: bytes) -> int:
                return requests.put(f"{inbox.url}/{name}", data=content, headers={"Authorization": card},
                                    timeout=TIMEOUT_S).status_code

            assert send(card, name, b"x") == 204
            assert send(card, name, b"y") == 400
            assert send(card, name_run("a", 2), b"x") == 401
            for number in range(2, 6):
                sender.put(name_run("a", number), b"x", timeout_s=TIMEOUT_S)
            with pytest.raises(UploadError):
                sender.put(name_run("a", 7), b"x", timeout_s=TIMEOUT_S)
            world.clock.go(2027, 2)
            assert send(card, name, b"x") == 401
        with receiving(tmp_path, "x", port=0) as inbox:  # an inbox that knows no issuer
            world.clock.go(2026, 12)
            sender = HttpSender(UploadSettings(to=inbox.url), {"user": "x", "password": PASSWORD.format("x")},
                                introduce=introduce)
            sender.put(name, b"x", timeout_s=TIMEOUT_S)
            assert "x/archives/date=2026-11-28/r-a-1.tgz" in inbox.files()


def test_a_hundred_requests_at_once_are_each_answered(tmp_path: Path) -> None:
    with receiving(tmp_path, "a", "b") as world:
        answers: list[int] = []

        def send(who: str, number: int) -> None:
            answers.append(put(world.url, name_run(who, number), os.urandom(100), who=who))

        threads = [threading.Thread(target=send, args=(who, number)) for number in range(50) for who in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [201] * 100
        assert len(world.files()) == 100
