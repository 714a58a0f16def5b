"""`probe look` beside sixty days of twelve countries and forty volunteers of our own: what it says, and its memory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from archive_standin import Archive, serve_archive
from look_world import STRUCK, LookWorld, fill_archive, now, write_volunteers
from probe.core.stamps import parse_time
from project_root import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(3000)]

DAYS = 60
WORLD = LookWorld(now=now(), days=DAYS, onset_h=24 * DAYS - 30)
MOST_MB = 500


@pytest.fixture(scope="module")
def archive() -> Iterator[Archive]:
    with serve_archive(fill_archive(WORLD)) as made:
        yield made


@pytest.fixture(scope="module")
def volunteers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_volunteers(tmp_path_factory.mktemp("own") / "results", WORLD, each=5)


@pytest.fixture
def register(tmp_path: Path) -> Path:
    """A dump of the Russian register that lists both services' pages, a week before the onset."""
    day = f"{WORLD.onset - timedelta(days=7):%Y-%m-%d}"
    path = tmp_path / "dump.csv"
    path.write_text("".join(f";{host};;Office;no. 1;{day}\n" for host in ("web.whatsapp.com", "www.wechat.com")))
    return path


def look(folder: Path, *words: str) -> tuple[dict[str, Any], int]:
    """What it says, and the most memory that it took, in MB."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "benchmark" / "watched.py"), str(folder / "usage.json"), sys.executable,
         "-m", "probe", "look", *words, "--json"], capture_output=True, text=True, timeout=2000, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told, json.loads((folder / "usage.json").read_text())["peak_kib"] >> 10


def check_block(told: dict[str, Any], roles: list[str], mechanism: str) -> None:
    """What may be printed has the right roles, networks and mechanism, and its onset within an hour."""
    (source,) = told["sources"]
    found = [one for one in source["findings"] if one["status"] == "confirmed"]
    assert found
    for block in found:
        assert (sorted(block["roles"]), block["mechanism"]) == (roles, mechanism)
        assert {one["asn"] for one in block["networks"]} == set(STRUCK)
        first, last = (parse_time(block[name]) for name in ("onset_from", "onset_until"))
        assert WORLD.onset - timedelta(hours=1) <= first <= WORLD.onset <= last <= WORLD.onset + timedelta(hours=1)
    assert any(all(f"AS{asn}" in claim["text"] for asn in STRUCK) for claim in told["printable"])
    (listed,) = told["beside"]["registers"]
    assert listed["mentions"]


@pytest.mark.parametrize(("service", "roles"), [("whatsapp", ["register", "web"]), ("wechat", ["web"])])
def test_the_archive_tells_of_a_block(archive: Archive, register: Path, tmp_path: Path, service: str,
                                      roles: list[str]) -> None:
    told, most_mb = look(tmp_path, service, "RU", "--fetch", "--bucket", archive.url, "--api", archive.url,
                         "--archive", str(tmp_path / "kept"), "--register", f"zi={register}")
    check_block(told, roles, "tls.reset")
    assert most_mb < MOST_MB


@pytest.mark.parametrize(("service", "role"), [("whatsapp", "chat"), ("wechat", "web")])
def test_volunteers_tell_of_a_block(volunteers: Path, register: Path, tmp_path: Path, service: str, role: str) -> None:
    told, most_mb = look(tmp_path, service, "RU", "--results", str(volunteers), "--register", f"zi={register}")
    check_block(told, [role], "tls.reset.sni")
    assert most_mb < MOST_MB


@pytest.mark.parametrize("cc", ["DE", "BR"])
def test_a_country_without_a_block_and_one_without_data_say_so(volunteers: Path, tmp_path: Path, cc: str) -> None:
    told, _ = look(tmp_path, "whatsapp", cc, "--results", str(volunteers))
    (source,) = told["sources"]
    assert source["findings"] == told["printable"] == []
    assert sum(one["n"] for one in source["measured"]) == (2 * 2 * 5 * 24 * DAYS if cc == "DE" else 0)
