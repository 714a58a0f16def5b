"""A service without a test of its own, through stand-ins of OONI's API and bucket, as the command fetches it."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from archive_standin import Archive, serve_archive
from look_world import SPARED, STRUCK, make_page, place
from ooni_data import lines
from ooni_fleet import signal_of
from probe.cli.main import cli

DAYS, ONSET_H = 4, 60
BEGIN = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=DAYS)


def at(hour: int) -> datetime:
    return BEGIN + timedelta(hours=hour, minutes=5)


def each_hour() -> Iterator[tuple[int, int, str]]:
    for hour in range(24 * DAYS):
        for asn in (*STRUCK, *SPARED):
            for platform in ("linux", "android"):
                yield hour, asn, platform


def make_archive(*, with_messengers: bool) -> Archive:
    """Two devices of six networks, once an hour; in three of them the pages are reset from the sixtieth hour on."""
    archive, by_hour = Archive(), defaultdict[int, list[dict[str, Any]]](list)
    for hour, asn, platform in each_hour():
        one = place(make_page(struck=asn in STRUCK and hour >= ONSET_H), at(hour), asn, platform)
        archive.measurements[str(one["measurement_uid"])] = json.dumps(one).encode()
        by_hour[hour].append(place(signal_of(""), at(hour), asn, platform))
    for hour, rows in by_hour.items() if with_messengers else ():
        sent = BEGIN + timedelta(hours=hour + 1)
        archive.objects[f"raw/{sent:%Y%m%d}/{sent:%H}/RU/signal/{sent:%Y%m%d%H}_RU_signal.n1.0.jsonl.gz"] = (
            gzip.compress(lines(*rows)))
    return archive


def fetch(archive: Archive, folder: Path) -> dict[str, Any]:
    with serve_archive(archive):
        done = CliRunner().invoke(cli, [
            "look", "wechat", "RU", "--fetch", "--archive", str(folder), "--bucket", archive.url, "--api", archive.url,
            "--since", f"{BEGIN:%Y-%m-%d}", "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.slow
@pytest.mark.long
def test_what_was_well_beside_makes_a_block_of_pages_one_that_may_be_printed(tmp_path: Path) -> None:
    answer = fetch(make_archive(with_messengers=True), tmp_path / "kept")
    (found,) = (one for one in answer["sources"][0]["findings"] if one["status"] == "confirmed")
    assert (found["roles"], found["mechanism"], found["basis"]) == (["web"], "tls.reset", "spared")
    assert {one["asn"] for one in found["networks"]} == set(STRUCK)
    first, last = (datetime.strptime(found[name], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
                   for name in ("onset_from", "onset_until"))
    onset = BEGIN + timedelta(hours=ONSET_H)
    assert onset - timedelta(hours=1) <= first <= onset <= last <= onset + timedelta(hours=1)
    (claim,) = answer["printable"]
    assert all(f"AS{asn}" in claim["text"] for asn in STRUCK)
    assert not any(f"AS{asn}" in claim["text"] for asn in SPARED)


@pytest.mark.slow
@pytest.mark.long
def test_pages_of_one_service_alone_are_never_more_than_suspected(tmp_path: Path) -> None:
    answer = fetch(make_archive(with_messengers=False), tmp_path / "kept")
    assert answer["sources"][0]["findings"]
    assert answer["printable"] == []
