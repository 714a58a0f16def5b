"""Fetching a part of OONI's archive from a stand-in that lists, pages, lies and tears."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive_standin import Archive, serve_archive
from probe_analysis.imported.archive.archive_fetch import MAX_FAILURES, ArchiveClient, ArchiveLimits
from probe_analysis.imported.archive.archive_layout import BadListingError, list_prefixes, parse_listing, parse_search

NOW = datetime(2026, 11, 27, 6, 30, tzinfo=UTC)
SINCE = NOW - timedelta(hours=2)
TESTS = ("whatsapp", "signal")


def key_of(hour: int, cc: str, test: str) -> str:
    return f"raw/20261127/{hour:02d}/{cc}/{test}/20261127{hour:02d}_{cc}_{test}.n1.0.jsonl.gz"


@pytest.fixture
def archive() -> Iterator[Archive]:
    objects = {key_of(hour, cc, test): gzip.compress(f"{hour}{cc}{test}".encode()) for hour in (5, 6)
                            for cc, test in (("RU", "whatsapp"), ("RU", "signal"), ("RU", "ndt"), ("DE", "whatsapp"),
                                             ("DE", "signal"))}
    with serve_archive(Archive(objects=objects)) as made:
        yield made


def client(archive: Archive, folder: Path, **limits: Any) -> ArchiveClient:
    return ArchiveClient(folder, limits=ArchiveLimits(**limits), bucket=archive.url, api=archive.url)


def fetch(archive: Archive, folder: Path, **limits: Any) -> Any:
    return client(archive, folder, **limits).fetch_tests("whatsapp", "RU", tests=TESTS, compare=("DE",), since=SINCE,
                                                         now=NOW)


def test_the_country_is_fetched_and_the_one_test_of_others_and_nothing_twice(archive: Archive, tmp_path: Path) -> None:
    done = fetch(archive, tmp_path)
    wanted = [key_of(hour, cc, test) for hour in (5, 6) for cc, test in (("DE", "whatsapp"), ("RU", "signal"),
                                                                        ("RU", "whatsapp"))]
    assert sorted(Path(name).relative_to(tmp_path).as_posix() for name in done.files) == sorted(wanted)
    assert (done.problems, done.stopped, done.known) == ([], "", 0)
    archive.asked.clear()
    again = fetch(archive, tmp_path)
    assert (again.files, again.known) == (done.files, len(wanted))
    assert not any("jsonl.gz" in target for target in archive.asked)


@pytest.mark.parametrize(("limits", "files"), [({"objects": 2}, 10), ({"bytes": 30}, 2), ({"time_s": 0.0}, 0)])
def test_limits_stop_it_and_are_told(archive: Archive, tmp_path: Path, limits: dict[str, Any], files: int) -> None:
    done = fetch(archive, tmp_path, **limits)
    assert done.stopped
    assert len(done.files) <= files


def test_the_next_call_goes_on_where_the_limit_of_files_stopped_one(archive: Archive, tmp_path: Path) -> None:
    """What lies there already fills no limit: else the same files would stop every call."""
    calls = [ArchiveClient(tmp_path, limits=ArchiveLimits(objects=1), bucket=archive.url, api=archive.url)
             for _ in range(7)]
    sizes = []
    for one in calls:
        one.fetch_tests("whatsapp", "RU", tests=TESTS, compare=("DE",), since=SINCE, now=NOW)
        sizes.append(len(list(tmp_path.rglob("*.jsonl.gz"))))
    assert sizes[-1] == 6
    assert sizes == sorted(sizes)
    assert not calls[-1].done.stopped


def test_what_a_bucket_lies_about_is_left_out_and_told(archive: Archive, tmp_path: Path) -> None:
    torn, huge = key_of(6, "RU", "whatsapp"), key_of(6, "RU", "signal")
    archive.sizes = {torn: 999, huge: 10**11}
    archive.extra = ["../../etc/x.jsonl.gz", "raw/20261127/06/RU/whatsapp/../../../x.jsonl.gz",
                     "raw/20261127/06/CN/whatsapp/a.jsonl.gz"]
    done = fetch(archive, tmp_path)
    names = {Path(name).relative_to(tmp_path).as_posix() for name in done.files}
    assert names == {key_of(hour, "DE", "whatsapp") for hour in (5, 6)} | {key_of(5, "RU", test) for test in TESTS}
    assert len(done.problems) >= 3
    assert all(path.is_relative_to(tmp_path) for path in tmp_path.rglob("*"))


def test_a_listing_that_does_not_end_is_left(archive: Archive, tmp_path: Path) -> None:
    archive.endless = True
    done = fetch(archive, tmp_path)
    assert done.problems
    assert len(archive.asked) < 400


def test_a_server_that_fails_is_not_asked_for_ever(archive: Archive, tmp_path: Path) -> None:
    gone = ArchiveClient(tmp_path, bucket=f"{archive.url}/nowhere", limits=ArchiveLimits(timeout_s=5.0))
    archive.objects.clear()
    archive.answer = lambda target: archive.asked.append(target)  # type: ignore[method-assign]
    done = gone.fetch_tests("whatsapp", "RU", tests=TESTS, compare=(), since=NOW - timedelta(days=30), now=NOW)
    assert (done.files, bool(done.stopped)) == ([], True)
    assert len(archive.asked) < 20 * MAX_FAILURES


def test_pages_are_found_by_domain(archive: Archive, tmp_path: Path) -> None:
    archive.measurements = {"20261127060000.1_RU_webconnectivity_aa": b"{}", "../evil": b"{}"}
    done = client(archive, tmp_path).fetch_hosts(("www.wechat.com",), ("RU",), SINCE)
    assert [Path(name).name for name in done.files] == ["20261127060000.1_RU_webconnectivity_aa.json"]
    assert any("domain=www.wechat.com" in target and "probe_cc=RU" in target for target in archive.asked)


def test_pages_take_half_of_the_files_at_most_in_turns(archive: Archive, tmp_path: Path) -> None:
    for cc in ("RU", "DE"):
        for number in reversed(range(10)):
            uid = f"20261127{number:06d}.1_{cc}_webconnectivity_aa"
            archive.measurements[uid], archive.places[uid] = b"{}", (cc, "www.wechat.com")
    done = client(archive, tmp_path, objects=8).fetch_hosts(("www.wechat.com",), ("RU", "DE"), SINCE)
    assert sorted(Path(name).name[8:19] for name in done.files) == [
        "000008.1_DE", "000008.1_RU", "000009.1_DE", "000009.1_RU"]
    assert done.problems


def test_prefixes_are_the_newest_hour_first() -> None:
    made = list(list_prefixes("whatsapp", "RU", ("DE", "RU"), SINCE, NOW))
    assert made[:2] == ["raw/20261127/06/RU/", "raw/20261127/06/DE/whatsapp/"]
    assert len(made) == len(set(made))


@given(st.binary(max_size=400) | st.sampled_from([
    b'<!DOCTYPE a [<!ENTITY b "c">]><ListBucketResult/>', b"<ListBucketResult>", b"<a/>", b""]))
def test_no_bytes_break_the_parsers(raw: bytes) -> None:
    for parse in (lambda: parse_listing(raw, "raw/", TESTS), lambda: parse_search(raw)):
        try:
            told: object = parse()
        except BadListingError:
            continue
        assert isinstance(told, Sequence) or told
