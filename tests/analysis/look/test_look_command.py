"""`probe look`: from files of others to what is said, by the command that a person gives."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from archive_standin import Archive, serve_archive
from ooni_data import ADDRESS, lines, measurement, query, request, shake, told, web
from ooni_fleet import BEGAN, make_days, signal_of, telegram_of, whatsapp_of
from population_days import Volunteer, list_runs
from probe.cli.main import cli
from probe.store.runs.run_writer import write_run
from probe_analysis.publication.bundle_zip import pack_bundle, unpack_bundle

DAYS, ONSET_H = 12, 24 * 10 + 7
BEGIN = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=DAYS)
NETWORKS = (("RU", 25513), ("RU", 12389), ("RU", 8402), ("DE", 3320), ("US", 7922))
STRUCK = {25513, 12389}


def write_counts(path: Path, *, witnesses: bool = True) -> Path:
    """Twelve days of four services in three countries; one is cut in two networks from the eleventh on."""
    draw = random.Random(3)
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["time", "network", "target", "n", "failed", "service", "role", *["witnesses"][:witnesses]])
        for hour in range(24 * DAYS):
            for cc, asn in NETWORKS:
                for service in ("whatsapp", "signal", "telegram", "viber"):
                    cut = asn in STRUCK and service == "whatsapp" and hour >= ONSET_H
                    failed = 6 if cut else sum(draw.random() < 0.005 for _ in range(6))
                    out.writerow([(BEGIN + timedelta(hours=hour)).isoformat(), f"{cc}-AS{asn}", f"{service}.chat", 6,
                                  failed, service, "chat", *[4][:witnesses]])
    return path


def look(*words: str) -> dict[str, Any]:
    done = CliRunner().invoke(cli, ["look", *words, "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.fixture(scope="module")
def counts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_counts(tmp_path_factory.mktemp("counts") / "counts.csv")


def test_counts_tell_networks_and_onset(counts: Path, tmp_path: Path) -> None:
    operators, page = tmp_path / "operators.csv", tmp_path / "page.html"
    operators.write_text("AS25513,Moscow <b>Telephone\n12389,Rostelecom\nno number,x\n")
    told = look("whatsapp", "ru", "--counts", str(counts), "--operators", str(operators), "-o", str(page))
    (found,) = told["sources"][0]["findings"]
    assert {one["asn"] for one in found["networks"]} == STRUCK
    onset = BEGIN + timedelta(hours=ONSET_H)
    assert found["onset_until"] == (onset + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ") or (
        found["onset_until"] == onset.strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert (found["status"], found["end_from"], found["roles"]) == ("confirmed", None, ["chat"])
    assert len(told["printable"]) == 1
    text = page.read_text()
    assert "Moscow &lt;b&gt;Telephone" in text
    assert all(f'id="{row}"' in text for one in told["sentences"] for row in one["rows"])
    assert told["citation"]["sha256"] in text


def test_what_is_well_and_what_nobody_measured_have_their_own_words(counts: Path) -> None:
    well, unknown = (look("whatsapp", cc, "--counts", str(counts)) for cc in ("DE", "FR"))
    assert sum(part["n"] for part in well["sources"][0]["measured"]) == 6 * 24 * DAYS
    assert [one["sources"][0]["findings"] for one in (well, unknown)] == [[], []]
    assert unknown["sources"][0]["measured"] == []
    assert well["printable"] == unknown["printable"] == []
    said = [next(s["text"] for s in one["sentences"] if s["topic"] == "what") for one in (well, unknown)]
    assert said[0] != said[1]


def test_counts_without_witnesses_name_no_network(tmp_path: Path) -> None:
    told = look("whatsapp", "RU", "--counts", str(write_counts(tmp_path / "c.csv", witnesses=False)))
    assert told["sources"][0]["findings"]
    assert all(one["asn"] == 0 for found in told["sources"][0]["findings"] for one in found["networks"])
    assert told["printable"] == []
    assert any("witnesses" in one["text"] for one in told["sentences"] if one["topic"] == "where")


@pytest.mark.parametrize("words", [
    ("whatsapp", "RU"), ("nobody", "RU", "--counts", "COUNTS"), ("whatsapp", "Russia", "--counts", "COUNTS"),
    ("whatsapp", "\u0440\u0444", "--counts", "COUNTS"),
])
def test_what_cannot_be_looked_at_is_refused(counts: Path, words: tuple[str, ...]) -> None:
    done = CliRunner().invoke(cli, ["look", *(str(counts) if word == "COUNTS" else word for word in words)])
    assert done.exit_code == 2


@pytest.mark.parametrize(("code", "is_refused"), [
    ("QQ", True), ("zz", True), ("AA", True), ("QM", True), ("UK", True), ("AB", True), ("QA", False), ("ZA", False),
    ("XK", False), ("XA", False), ("XX", True),
])
def test_a_code_that_no_country_has_is_refused_and_the_laboratorys_are_not(
        counts: Path, code: str, is_refused: bool) -> None:
    done = CliRunner().invoke(cli, ["look", "whatsapp", code, "--counts", str(counts), "--json"])
    assert done.exit_code == (2 if is_refused else 0), done.output
    assert ("Error:" in done.output) is is_refused


@pytest.mark.long
@pytest.mark.slow
def test_own_results_are_judged_together(tmp_path: Path) -> None:
    people = [Volunteer(asn=asn, probe=f"p{asn}{n}", fails=lambda hour: hour >= 0) for asn in range(64500, 64504)
              for n in range(5)] + [Volunteer(asn=64600, probe=f"s{n}") for n in range(5)]
    for run in list_runs(people):
        write_run(run, tmp_path / "results", known_new=True)
    told = look("signal", "RU", "--results", str(tmp_path / "results"))
    assert told["sources"][0]["findings"] == []  # the fleet's service is no messenger that anybody asked about
    assert told["sources"][0]["kind"] == "own"


def ooni_days() -> Iterator[dict[str, Any]]:
    """Six days of three tests in four networks: WhatsApp is reset in three of them from the fourth day on."""
    for asn in (64500, 64501, 64502, 64503):
        struck = asn != 64503
        days = [make_days(make(""), days=3) for make in (telegram_of, whatsapp_of, signal_of)]
        days += [make_days(make("tls" if struck and make is whatsapp_of else ""), since=3, days=3)
                 for make in (telegram_of, whatsapp_of, signal_of)]
        for each in days:
            for number, one in enumerate(each):
                if number % 3 == 0:
                    yield {**one, "probe_cc": "RU", "probe_asn": f"AS{asn}", "annotations": {"platform": "linux"},
                           "measurement_uid": f"{one['measurement_uid']}{asn}",
                           "report_id": f"{one['report_id']}{asn}"}


@pytest.mark.slow
def test_measurements_of_ooni_are_judged_and_torn_files_told(tmp_path: Path) -> None:
    folder = tmp_path / "raw"
    folder.mkdir()
    made = sorted(ooni_days(), key=lambda one: str(one["measurement_start_time"]))
    (folder / "a.jsonl").write_bytes(lines(*made) + b'{"torn": ')
    (folder / "b.jsonl.gz").write_bytes(b"\x1f\x8b no archive")
    told = look("whatsapp", "RU", "--ooni", str(folder))
    source = told["sources"][0]
    assert len(source["problems"]) == 2
    assert source["findings"]
    onset = (BEGAN + timedelta(days=3)).strftime("%Y-%m-%dT")
    assert any(found["onset_until"].startswith(onset) for found in source["findings"])
    assert {found["mechanism"].split(".")[0] for found in source["findings"]} == {"tls"}
    established = [found for found in source["findings"] if found["status"] == "confirmed"]
    assert bool(told["printable"]) == any(network["asn"] for found in established for network in found["networks"])


def test_the_archive_is_fetched_judged_and_not_fetched_again(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    archive = Archive()
    for cc, asn in (("RU", 64500), ("DE", 64510)):
        made = whatsapp_of("")
        stamp = (now - timedelta(hours=2)).strftime("%Y-%m-%d %H:%M:%S")
        rows = [{**measurement(), **made, "probe_cc": cc, "probe_asn": f"AS{asn}", "measurement_start_time": stamp,
                 "test_start_time": stamp, "measurement_uid": f"{cc}{number}"} for number in range(3)]
        hour = now - timedelta(hours=1)
        archive.objects[f"raw/{hour:%Y%m%d}/{hour:%H}/{cc}/whatsapp/{hour:%Y%m%d%H}_{cc}_whatsapp.n1.0.jsonl.gz"] = (
            gzip.compress(lines(*rows)))
    with serve_archive(archive):
        words = ("whatsapp", "RU", "--fetch", "--archive", str(tmp_path / "kept"), "--compare", "DE", "--bucket",
                 archive.url, "--since", f"{now - timedelta(days=1):%Y-%m-%d}")
        first = look(*words)["sources"][0]
        archive.asked.clear()
        again = look(*words)["sources"][0]
    assert [part["asn"] for part in first["measured"]] == [64500] * len(first["measured"])
    assert first["measured"]
    assert first["countries_beside"] == 1
    assert again["measured"] == first["measured"]
    assert not any(".gz" in target for target in archive.asked)


def test_an_archive_that_is_empty_says_that_there_are_no_data(tmp_path: Path) -> None:
    with serve_archive(Archive()) as archive:
        told = look("wechat", "RU", "--fetch", "--archive", str(tmp_path / "kept"), "--api", archive.url,
                    "--bucket", archive.url)
    assert (told["sources"][0]["measured"], told["printable"]) == ([], [])


def test_a_bundle_is_judged_anew_and_refused_where_a_byte_was_changed(counts: Path, tmp_path: Path) -> None:
    folder = tmp_path / "raw"
    folder.mkdir()
    (folder / "a b.jsonl").write_bytes(lines({**measurement(), **whatsapp_of(""), "probe_cc": "RU"}))
    bundle, again = tmp_path / "b.zip", tmp_path / "again.zip"
    told = look("whatsapp", "RU", "--counts", str(counts), "--ooni", str(folder), "--bundle", str(bundle))
    assert told["bundle"]["sha256"] == hashlib.sha256(bundle.read_bytes()).hexdigest()
    done = CliRunner().invoke(cli, ["look", "--verify", str(bundle), "--json"], catch_exceptions=False)
    assert (done.exit_code, json.loads(done.stdout)["same"]) == (0, True), done.output
    raw = bundle.read_bytes()
    for place in (10, 40, len(raw) // 3, len(raw) // 2, len(raw) - 200, len(raw) - 5):
        again.write_bytes(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1:])
        assert CliRunner().invoke(cli, ["look", "--verify", str(again)]).exit_code == 1


def test_a_bundle_whose_answer_was_forged_is_another_verdict(counts: Path, tmp_path: Path) -> None:
    bundle, forged = tmp_path / "b.zip", tmp_path / "forged.zip"
    look("whatsapp", "RU", "--counts", str(counts), "--bundle", str(bundle))
    files: dict[str, bytes | Path] = dict(unpack_bundle(bundle, tmp_path / "unpacked"))
    answer = json.loads(Path(str(files["look.json"])).read_bytes())
    answer["sources"][0]["findings"][0]["status"] = "suspected"
    manifest = json.loads(Path(str(files["manifest.json"])).read_bytes())
    files["look.json"] = changed = json.dumps(answer).encode()
    manifest["files"]["look.json"] = {"bytes": len(changed), "sha256": hashlib.sha256(changed).hexdigest()}
    files["manifest.json"] = json.dumps(manifest).encode()
    pack_bundle(forged, files)
    done = CliRunner().invoke(cli, ["look", "--verify", str(forged), "--json"], catch_exceptions=False)
    assert (done.exit_code, json.loads(done.stdout)["same"]) == (1, False)


WECHAT = "www.wechat.com"


def wechat_of(struck: bool) -> dict[str, Any]:
    """Web Connectivity of a page of WeChat's: well, or with an answer of the resolver's that no server has."""
    lied: dict[str, Any] = {"tcp_connect": [], "tls_handshakes": [], "requests": [], "blocking": "dns",
                            "accessible": False} if struck else {
        "tls_handshakes": [shake(name=WECHAT)], "requests": [request(f"https://{WECHAT}/")]}
    keys = web(queries=[query(WECHAT, "10.10.34.35" if struck else ADDRESS)], control=told(ADDRESS), **lied)
    return {"input": f"https://{WECHAT}/", "test_keys": keys}


def wechat_days() -> Iterator[dict[str, Any]]:
    """Eight days of two devices in each of three networks; in two of them the resolver lies from the sixth on."""
    for asn in (64500, 64501, 64502):
        for platform in ("linux", "android"):
            days = [*make_days(wechat_of(False), days=5, line=True),
                    *make_days(wechat_of(asn != 64502), since=5, days=3, line=True)]
            for number, one in enumerate(days):
                if number // 3 % 2:
                    continue  # every other hour; each has the page and two others that are well
                yield {**one, "probe_cc": "RU", "probe_asn": f"AS{asn}", "annotations": {"platform": platform},
                       "measurement_uid": f"{one['measurement_uid']}{asn}{platform}",
                       "report_id": f"{one['report_id']}{asn}{platform}"}


@pytest.mark.slow
def test_a_service_without_a_test_of_its_own_is_found_by_its_pages(tmp_path: Path) -> None:
    path = tmp_path / "web.jsonl"
    path.write_bytes(lines(*sorted(wechat_days(), key=lambda one: str(one["measurement_start_time"]))))
    told_of = look("wechat", "RU", "--ooni", str(path))["sources"][0]
    found = told_of["findings"]
    assert {(one["kind"], one["status"]) for one in found} == {("event", "unplaced")}
    assert {network["asn"] for one in found for network in one["networks"]} == {64500, 64501}
    assert {one["mechanism"].split(".")[0] for one in found} == {"dns"}
    onset = BEGAN + timedelta(days=5)
    for one in found:
        first, last = (datetime.strptime(one[name], "%Y-%m-%dT%H:%M:%SZ") for name in ("onset_from", "onset_until"))
        assert onset - timedelta(hours=2) <= first <= onset <= last <= onset + timedelta(hours=2)
