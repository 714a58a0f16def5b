"""From which network uploads come: told by a real web server, kept without an address, for a month's key at most."""

from __future__ import annotations

import json
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
import requests

from inbox_world import receiving
from operator_folder import make_operator_folder
from probe.config.geo.geo_table import GeoEntry
from probe.store.files.atomic import StoreError
from probe_operate.collect.collecting import collect_runs
from probe_operate.collect.upload_origins import KEPT_DAYS, MOST_OF_DAY, read_upload_origins
from probe_operate.origins.origin_files import OriginFiles, read_origin_status
from probe_operate.origins.origin_service import OriginService, listen
from probe_operate.origins.prefix_words import PrefixWords
from probe_operate.origins.upload_lines import parse_upload_line
from probe_operate.services.operator_checks import check_parts
from probe_operate.services.operator_choices import OperatorChoices, OperatorFolder
from probe_operate.services.web_server import INBOX_PATH, UPLOAD_USER, make_web_configuration
from stored import a_result
from told_inbox import ToldInbox, claiming
from upload_world import NGINX, free_ports, running_nginx

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
TODAY = NOW.date()
UPLOAD = "v1/archives/date=2026-11-28/r-{}.tgz"
STORED = f"{UPLOAD_USER}/archives/date=2026-11-28/r-{{}}.tgz"
ADDRESS, BESIDE, ELSEWHERE, SIXTH = "198.35.26.96", "198.35.26.7", "91.198.174.192", "2620:0:862:ed1a::1"
"""Public ones; nothing is sent to them."""


class Table:
    """Two networks; whoever asks of an address is answered by its first byte."""

    name, date = "made", "2026-11-01"

    def find(self, address: str) -> GeoEntry:
        return GeoEntry(cc="NL", asn=64501) if address.startswith("91.") else GeoEntry(cc="US", asn=64500)


def line(address: str = ADDRESS, path: str = f"/inbox/{UPLOAD.format('a')}") -> bytes:
    return b"<190>Nov 28 12:00:00 inbox: " + json.dumps({"address": address, "path": path}).encode()


def keep(folder: Path, lines: Sequence[bytes], now: datetime = NOW, key: str = "key") -> OriginFiles:
    files = OriginFiles(folder / "o", table=Table(), words=PrefixWords(folder / key), inbox=INBOX_PATH)
    files.keep(lines, now)
    return files


def told(folder: Path, *names: str, day: date = TODAY, upload: str = UPLOAD) -> dict[str, int]:
    """Name -> network of those uploads whose origin was written down."""
    found = read_upload_origins(folder, day)
    return {name: origin.asn for name in names if (origin := found.find(upload.format(name)))}


def nothing_holds(folder: Path, *addresses: str) -> bool:
    """Whether no file has one of these, as text or as bytes."""
    marks = [mark for one in addresses for mark in (one.encode(), ip_address(one).packed)]
    return not [path for path in folder.rglob("*") if path.is_file() and any(m in path.read_bytes() for m in marks)]


# ---- lines

@pytest.mark.parametrize("odd", [
    b"", b"{", b"\xff" * 300, line()[:-1], b"x" * 300 + line(), line(path="/lists/list.json"), line(path="inbox/a"),
    line(path="/inbox/" + "a" * 20_000), line(address="1" * 100), b"<1>a: [1]", b"<1>a: {}", b"{" * 10_000,
    b'<1>a: {"address": 1, "path": "/inbox/a"}', b'<1>a: {"address": "1.1.1.1", "path": "/inbox/\\ud800"}',
    b'<1>a: {"address": "1.1.1.1", "path": ' + b"[" * 10_000,
])
def test_what_is_no_upload_is_counted_and_not_kept(odd: bytes, tmp_path: Path) -> None:
    assert parse_upload_line(odd, INBOX_PATH) is None
    files = keep(tmp_path, [odd, line()])
    assert (files.status.strange, files.status.written) == (1, 1)
    assert told(tmp_path / "o", "a") == {"a": 64500}


@pytest.mark.parametrize(("sent", "wanted"), [
    (b"v1/archives/date=2026-11-28/r,a\\n.tgz", "v1/archives/date=2026-11-28/r,a\n.tgz"),
    (b"\xff\xfe/runs/date=2026-11-28/r.csv", "\udcff\udcfe/runs/date=2026-11-28/r.csv"),
    ("ä/archives/date=2026-11-28/r\u202e.tgz".encode(), "ä/archives/date=2026-11-28/r\u202e.tgz"),
    (b"archives/date=2026-11-28/r.tgz", "inbox/archives/date=2026-11-28/r.tgz"),  # the folder's own name is before it
    (b"sealed/x.age", "sealed/x.age"), (b"v1/sealed/x.age", "sealed/x.age"),
    (b"\"\"", ""),
])
def test_no_path_that_a_collector_reads_goes_untold(sent: bytes, wanted: str, tmp_path: Path) -> None:
    """What nobody wrote down is of unknown origin, which is believed."""
    keep(tmp_path, [line(path="/inbox/X").replace(b"X", sent)])
    found = read_upload_origins(tmp_path / "o", TODAY)
    assert (found.find(wanted) is not None) == bool(wanted)
    assert found.find("v2/archives/date=2026-11-28/r-2.tgz") is None


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "100.64.0.1", "fe80::1", "fd00::1", "x", "", "1.2.3.4/8"])
def test_an_address_of_no_public_network_tells_nothing(address: str, tmp_path: Path) -> None:
    assert keep(tmp_path, [line(address)]).status.inside == 1
    assert not read_upload_origins(tmp_path / "o", TODAY).by_upload


# ---- files and words

def test_words_are_of_prefixes_and_of_one_month(tmp_path: Path) -> None:
    words = PrefixWords(tmp_path / "key")
    first, beside, other = (words.find(ip_address(one), "2026-11") for one in (ADDRESS, BESIDE, ELSEWHERE))
    assert first == beside != other
    assert words.find(ip_address("2620:0:862:1::1"), "2026-11") == words.find(ip_address(SIXTH), "2026-11") != first
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    again, secret = PrefixWords(tmp_path / "key"), (tmp_path / "key").read_bytes()
    assert again.find(ip_address(ADDRESS), "2026-11") == first
    assert again.find(ip_address(ADDRESS), "2026-12") != first
    assert (tmp_path / "key").read_bytes() != secret
    assert PrefixWords(tmp_path / "key").find(ip_address(ADDRESS), "2026-11") != first, "that key is gone"


@pytest.mark.parametrize("broken", [b"", b"{}", b"\xff", b'{"month": "2026-11", "key": "eA=="}'])
def test_a_key_that_is_none_or_that_others_may_read_is_drawn_anew(broken: bytes, tmp_path: Path) -> None:
    word = PrefixWords(tmp_path / "key").find(ip_address(ADDRESS), "2026-11")
    (tmp_path / "key").chmod(0o644)
    assert PrefixWords(tmp_path / "key").find(ip_address(ADDRESS), "2026-11") != word
    (tmp_path / "key").write_bytes(broken)
    assert len(PrefixWords(tmp_path / "key").find(ip_address(ADDRESS), "2026-11")) == 24


def test_the_files_go_on_after_a_restart_and_a_torn_line_costs_itself(tmp_path: Path) -> None:
    keep(tmp_path, [line()])
    path = tmp_path / "o" / "2026-11-28.csv"
    path.write_bytes(path.read_bytes() + b"00112233445566778899aabbccddeeff,2026-")
    keep(tmp_path, [line(ELSEWHERE, "/inbox/" + UPLOAD.format("b")), line(ELSEWHERE)])
    found = read_upload_origins(tmp_path / "o", TODAY)
    assert told(tmp_path / "o", "a", "b") == {"a": 64500, "b": 64501}, "the first line counts"
    assert (found.unreadable, len(found.by_upload)) == (1, 2)


def test_old_files_go_and_a_full_day_is_told(tmp_path: Path) -> None:
    folder = make_operator_folder(tmp_path / "op")
    choices = OperatorChoices(host="a.example", client_header="X-Forwarded-For")

    def well(now: datetime) -> bool:
        [found] = check_parts(choices, folder, ["origins"], now=now)
        return found.well

    assert not well(NOW)
    old = folder.origins / f"{(NOW - timedelta(days=KEPT_DAYS + 1)).date()}.csv"
    folder.origins.mkdir(exist_ok=True)
    old.write_text("x\n")
    files = OriginFiles(folder.origins, table=Table(), words=PrefixWords(tmp_path / "key"), inbox=INBOX_PATH)
    files.tell(NOW)
    assert not old.exists()
    assert [well(NOW + timedelta(minutes=later)) for later in (1, 6)] == [True, False]
    (folder.origins / "2026-11-29.csv").write_bytes(b"\n" * MOST_OF_DAY)
    files.keep([line()], NOW + timedelta(days=1))
    files.tell(NOW + timedelta(days=1))
    assert (files.status.lost, files.status.written) == (1, 0)
    assert not well(NOW + timedelta(days=1))
    (folder.origins / "status.json").write_bytes(b"{\"at\": \"2026-11-28T12:00:00\"}")
    assert read_origin_status(folder.origins) is None, "a time without a zone"


def test_a_socket_of_a_service_that_ended_is_taken_over_and_a_file_is_not(tmp_path: Path) -> None:
    with listen(tmp_path / "s"):
        assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o600
    with listen(tmp_path / "s"):
        pass
    (tmp_path / "f").write_text("mine")
    with pytest.raises(StoreError):
        listen(tmp_path / "f")
    with pytest.raises(ValueError, match="100 bytes"):
        listen(tmp_path / ("x" * 100))


# ---- a real web server

@contextmanager
def serving(folder: OperatorFolder, path: Path) -> Iterator[OriginFiles]:
    """The service, as long as the block runs; all lines are written when it ends."""
    files = OriginFiles(folder.origins, table=Table(), words=PrefixWords(path / "key"), inbox=INBOX_PATH)
    with listen(path / "s") as sock:
        service = OriginService(sock, files)
        thread = threading.Thread(target=service.serve)
        thread.start()
        try:
            yield files
        finally:
            service.stop()
            thread.join()


@contextmanager
def inbox(folder: OperatorFolder, path: Path) -> Iterator[requests.Session]:
    """The web server as it is written, behind another one that tells who asks; its session knows the login."""
    web_port, health_port, helper_port, metrics_port, inbox_port = free_ports(5)
    choices = OperatorChoices(host="probe.example.org", web_port=web_port, health_port=health_port,
                              helper_port=helper_port, metrics_port=metrics_port, client_header="X-Forwarded-For",
                              inbox_port=inbox_port)
    runtime = folder.root / "runtime"
    runtime.mkdir()
    text = make_web_configuration(choices, folder, runtime=str(runtime), credentials=str(folder.keys),
                                  origins_socket=str(path / "s"))
    with running_nginx(text, folder.root / "nginx.conf"), requests.Session() as ask, receiving(
            folder.state, logins=folder.logins, port=inbox_port):
        ask.auth = (UPLOAD_USER, (folder.keys / "upload-password").read_text())
        ask.headers["X-Test-Url"] = f"http://127.0.0.1:{web_port}"
        yield ask


def put(ask: requests.Session, name: str, *seen_by_the_one_in_front: str, content: bytes = b"x") -> int:
    url = f"{ask.headers['X-Test-Url']!s}/inbox/{name}"
    headers = {"X-Forwarded-For": ", ".join(seen_by_the_one_in_front)}
    return ask.put(url, data=content, timeout=5, headers=headers).status_code


@pytest.mark.skipif(not NGINX, reason="no nginx here")
def test_a_real_web_server_tells_of_uploads_and_of_nothing_else(tmp_path: Path) -> None:
    folder = make_operator_folder(tmp_path / "op")
    with inbox(folder, tmp_path) as ask, serving(folder, tmp_path):
        assert put(ask, UPLOAD.format("a"), ADDRESS) == 201
        assert put(ask, UPLOAD.format("a"), ELSEWHERE) == 204, "it is there; whose it is stays"
        assert put(ask, UPLOAD.format("b"), ADDRESS, ELSEWHERE) == 201, "what a client says of itself goes before"
        assert put(ask, UPLOAD.format("%63"), SIXTH) == 201
        assert put(ask, "v1/archives//date=2026-11-28/r-d.tgz", ADDRESS) == 400
        assert put(ask, UPLOAD.format("e")) == 201
        assert put(ask, "v1/other.txt", ADDRESS) == 400
        assert ask.get(f"{ask.headers['X-Test-Url']!s}/inbox/{UPLOAD.format('a')}", timeout=5).status_code == 405
        ask.auth = None
        assert put(ask, UPLOAD.format("f"), ADDRESS) == 401
    assert told(folder.origins, *"abcdef", day=datetime.now(UTC).date(), upload=STORED) == {
        "a": 64500, "b": 64501, "c": 64500}
    status = read_origin_status(folder.origins)
    assert status is not None
    assert (status.written, status.inside, status.strange, status.lost) == (3, 1, 0, 0)
    assert nothing_holds(tmp_path, ADDRESS, ELSEWHERE, SIXTH)


@pytest.mark.skipif(not NGINX, reason="no nginx here")
def test_the_inbox_takes_uploads_while_the_service_is_away_and_tells_again_when_it_is_back(tmp_path: Path) -> None:
    folder = make_operator_folder(tmp_path / "op")
    with inbox(folder, tmp_path) as ask:
        assert put(ask, UPLOAD.format("0"), ADDRESS) == 201
        for turn in range(2):
            with serving(folder, tmp_path):
                answers = {put(ask, UPLOAD.format(f"{turn}-{number}"), ADDRESS) for number in range(20)}
            assert answers == {201}
    today = datetime.now(UTC).date()
    per_turn = [len(told(folder.origins, *(f"{turn}-{number}" for number in range(20)), day=today,
                         upload=STORED)) for turn in (0, 1)]
    # Each of two workers may lose the line by which it finds that the socket is gone. A service that is slow finds no
    # more lines than its socket holds.
    waiting = int(Path("/proc/sys/net/unix/max_dgram_qlen").read_text())
    assert min(per_turn) >= min(20, waiting) - 2


@pytest.mark.skipif(not NGINX, reason="no nginx here")
def test_from_an_upload_to_what_a_collector_says_of_the_run(tmp_path: Path) -> None:
    folder, made = make_operator_folder(tmp_path / "op"), ToldInbox(root=tmp_path / "made")
    for who in ("home", "proxy"):
        made.send(claiming(a_result(), f"r-{who}", asn=64500, cc="US"), who, TODAY, asn=None)
    with inbox(folder, tmp_path) as ask, serving(folder, tmp_path):
        for path in made.uploads.rglob("*.tgz"):
            seen = ELSEWHERE if "proxy" in path.name else ADDRESS
            assert put(ask, path.relative_to(made.uploads).as_posix(), seen, content=path.read_bytes()) == 201
    today = datetime.now(UTC).date()
    done = collect_runs([folder.inbox], folder.collected, today=today,
                        origins=read_upload_origins(folder.origins, today))
    assert (done.taken, done.origins) == (2, {"same": 1, "other": 1})
    assert nothing_holds(tmp_path, ADDRESS, ELSEWHERE)


def test_the_command_serves_until_it_is_told_to_end(tmp_path: Path) -> None:
    """With the packaged table; it writes what was sent before the signal."""
    command = [sys.executable, "-m", "probe", "operate", "origins", str(tmp_path / "o"),
               "--listen", str(tmp_path / "s"), "--prefix-key", str(tmp_path / "key")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline().startswith(b"listening")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.connect(str(tmp_path / "s"))
            sender.send(line())
        process.terminate()
        assert process.wait(60) == 0
    [origin] = read_upload_origins(tmp_path / "o", datetime.now(UTC).date()).by_upload.values()
    assert (origin.asn > 0, origin.cc) == (True, "US")
    assert nothing_holds(tmp_path, ADDRESS)


def test_lines_that_come_at_once_are_all_written(tmp_path: Path) -> None:
    folder = make_operator_folder(tmp_path / "op")
    with serving(folder, tmp_path) as files, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect(str(tmp_path / "s"))
        for number in range(2000):
            sender.send(line(path=f"/inbox/{UPLOAD.format(number)}"))
    assert files.status.written == 2000
    assert len(read_upload_origins(folder.origins, datetime.now(UTC).date()).by_upload) == 2000
