"""`probe stores` at its edges: consent, usage, what it keeps; and the asking itself, which goes nowhere private."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner, Result
from urllib3 import HTTPResponse

from in_order import in_order
from probe.catalogue import packaged
from probe.cli.main import cli
from probe.controls.reaching import public_addresses
from probe.controls.reaching.http_connections import CallAdapter, _now
from probe.core.runs import Run, RunResult, Vantage
from probe.core.tables.outcomes import Outcome
from probe.core.verdicts import Verdict
from probe.store.archive.own_files import list_top_files
from probe.store.files.atomic import StoreError
from probe.store.runs.run_writer import write_run
from probe.upkeep.commands.exit_codes import EXIT_LOCKED, EXIT_NO_CONSENT
from probe_analysis.batches.batch_files import BATCH_TABLES, read_batches, write_batch
from probe_analysis.batches.store_checks import Batch, BatchInfo, StoreChange, StoreCheck
from probe_analysis.plugins.stores import store_fetch as fetching
from probe_analysis.plugins.stores import stores_command as command
from probe_analysis.plugins.stores.store_fetch import StorePage, fetch_store_page
from probe_analysis.publication.datapackage import make_data_package
from probe_lab.servers.shelves import app_store_lookup

DAY = date(2026, 3, 1)


def a_batch(name: str = "20260301T120000Z_01020304", *, lab: bool = False, cc: str = "RU") -> Batch:
    frame = {"batch_id": name, "probe_cc": cc, "lab": lab}
    series = {"store": "app_store", "storefront": "ru", "service": "signal", "app": "874139669"}
    return Batch(
        info=BatchInfo(**frame),  # type: ignore[arg-type]
        checks=(StoreCheck(**frame, **series, check_time="2026-03-01T12:00:05Z", state="in_storefront",  # type: ignore[arg-type]
                           elsewhere=("de", "us"), outcome="ok"),),
        changes=(StoreChange(**frame, **series, change="removed", before_time="=x", after_time="b",  # type: ignore[arg-type]
                             settled_time="c", checks=3),))


def ask(*arguments: str, status: int = 0) -> Result:
    done = CliRunner().invoke(cli, list(arguments))
    assert done.exit_code == status, done.output[:2000]
    assert "Traceback" not in done.output
    return done


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.delenv("PROBE_CONFIG", raising=False)
    monkeypatch.setattr("probe.config.settings.SEARCH_PATHS", ())


# --- the command


def test_nothing_is_asked_without_consent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_make", lambda *_, **__: pytest.fail("asked"))
    done = ask("stores", "--storefront", "ru", "--results", str(tmp_path / "r"), status=EXIT_NO_CONSENT)
    assert "Nothing was sent" in done.output
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(("arguments", "words"), [
    (["--storefront", "rus"], "two letters"),
    (["--storefront", ""], "two letters"),
    ([], "--storefront"),
    (["--storefront", "ru", "--service", "nobody"], "no such service"),
    (["--storefront", "ru", "--service", "briar", "--store", "app_store"], "nothing to ask"),
    (["--storefront", "ru", "--pace-s", "1"], "3 at least"),
    (["--storefront", "ru", "--at", "2017-01-01T00:00:00Z"], "laboratory only"),
    (["--storefront", "ru,cn,kz,by,uz,tr,ir,pk,in,id,vn", "--store", "google_play"], "400 at most"),
])
def test_wrong_usage_is_told(arguments: list[str], words: str) -> None:
    assert words in ask("stores", *arguments, status=2).output


def test_a_batch_is_asked_told_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetched(url: str, *, max_body_bytes: int) -> StorePage:
        if "country=ru" not in url:
            return StorePage(status=200, body=app_store_lookup({"id": [url.split("id=")[1].split("&")[0]],
                                                                "country": ["us"]}).body)
        return StorePage(status=200, body=app_store_lookup(
            {"id": [url.split("id=")[1].split("&")[0]], "country": ["ru"]}, lambda app, _: app != "874139669").body)

    monkeypatch.setattr(command, "explain_refusal", lambda *_, **__: "")
    monkeypatch.setattr(fetching, "fetch_store_page", fetched)
    monkeypatch.setattr("time.sleep", lambda _: None)
    folder = tmp_path / "r"
    arguments = ["stores", "--storefront", "RU", "--store", "app_store", "--service", "signal", "--service", "line",
                 "--results", str(folder)]
    text = ask(*arguments).output
    assert in_order(text, "App Store", "RU", "1 in_storefront", "1 not_in_storefront")
    assert "not known" in text
    said = json.loads(ask(*arguments, "--json").output)
    assert {(c["service"], c["state"], c["outcome"]) for c in said["checks"]} == {
        ("signal", "not_in_storefront", "inconclusive"), ("line", "in_storefront", "ok")}
    assert len(list(read_batches(folder, StoreCheck))) == 4
    out = tmp_path / "out.jsonl"
    ask("export", str(folder), "--table", "store_checks", "--service", "signal", "-o", str(out))
    assert [json.loads(line)["elsewhere"] for line in out.read_text().splitlines()] == [["us"], ["us"]]


def test_what_is_damaged_is_found_before_anything_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "explain_refusal", lambda *_, **__: "")
    monkeypatch.setattr(fetching, "fetch_store_page", lambda *_, **__: pytest.fail("asked"))
    bad = a_batch()
    write_batch(replace(bad, checks=(replace(bad.checks[0], check_time="soon"),)), tmp_path, day=DAY)
    assert "no proper time" in ask("stores", "--storefront", "ru", "--results", str(tmp_path), status=1).output


def test_two_batches_do_not_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from probe.upkeep.commands.run_lock import hold_run_lock

    monkeypatch.setattr(command, "explain_refusal", lambda *_, **__: "")
    with hold_run_lock(tmp_path / "store_checks"):
        done = ask("stores", "--storefront", "ru", "--results", str(tmp_path), status=EXIT_LOCKED)
    assert "Another batch" in done.output


def verdict(target: str, outcome: Outcome) -> Verdict:
    return Verdict(target_id=target, service="s", role="store", input="", outcome=outcome,
                   block_type="ip.blackhole" if outcome == "blocked" else "")


BLOCKED = (verdict("app_store.store.control", "blocked"), verdict("app_store.api.main", "blocked"))


@pytest.mark.parametrize(("time", "cc", "verdicts", "blocked"), [
    ("2026-03-01T09:00:00Z", "RU", BLOCKED, True),
    ("2026-02-28T13:00:00Z", "RU", BLOCKED[:1], True),
    ("2026-02-28T11:00:00Z", "RU", BLOCKED, False),  # more than a day ago
    ("2026-03-01T13:00:00Z", "RU", BLOCKED, False),  # afterwards
    ("2026-03-01T09:00:00Z", "DE", BLOCKED, False),
    ("2026-03-01T09:00:00Z", "RU", (BLOCKED[0], verdict("app_store.api.main", "ok")), False),
    ("2026-03-01T09:00:00Z", "RU", (verdict("google_play.web.main", "blocked"),), False),
    ("2026-03-01T09:00:00Z", "RU", (verdict("app_store.api.main", "inconclusive"),), False),
])
def test_an_ordinary_run_says_whether_a_store_is_blocked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, time: str, cc: str, verdicts: tuple[Verdict, ...], blocked: bool
) -> None:
    run = Run(run_id="r1", measurement_start_time=time, vantage=Vantage(probe_cc=cc))
    write_run(RunResult(run=run, observations=(), controls=(), services=(), verdicts=verdicts), tmp_path, parquet=False)
    found = command._find_blocked_stores(tmp_path, {"app_store": packaged.load_stores()["app_store"]},
                                         BatchInfo(batch_id="b", probe_cc="RU"), datetime(2026, 3, 1, 12, tzinfo=UTC))
    assert bool(found) is blocked
    if blocked:
        assert found["app_store"].evidence == "r1.app_store.store.control"


# --- what is kept


def test_batches_come_back_as_they_went(tmp_path: Path) -> None:
    batch = a_batch()
    paths = write_batch(batch, tmp_path, day=DAY)
    assert [path.parent.parent.name for path in paths] == list(BATCH_TABLES)
    assert (tuple(read_batches(tmp_path, StoreCheck)), tuple(read_batches(tmp_path, StoreChange))) == (
        batch.checks, batch.changes)
    assert "'=x" in paths[0].read_text()
    with pytest.raises(StoreError, match="never overwritten"):
        write_batch(batch, tmp_path, day=DAY)
    with pytest.raises(ValueError, match="batch"):
        write_batch(a_batch("../x"), tmp_path, day=DAY)
    assert list(read_batches(tmp_path / "none", StoreCheck)) == []
    resources = make_data_package(tmp_path)["resources"]
    assert isinstance(resources, list)
    assert [r["name"] for r in resources if isinstance(r, dict)] == list(BATCH_TABLES)


def test_a_damaged_batch_is_named(tmp_path: Path) -> None:
    write_batch(a_batch(), tmp_path, day=DAY)
    path = tmp_path / "store_checks" / "date=2026-03-01" / "20260301T120000Z_01020304.csv"
    path.write_text("batch_id,store\na,b\n")
    with pytest.raises(StoreError, match="restore or remove"):
        list(read_batches(tmp_path, StoreCheck))


def test_exports_mix_nothing_and_release_nothing(tmp_path: Path) -> None:
    for number, (lab, cc) in enumerate(((False, "RU"), (True, "RU"), (False, "DE"))):
        write_batch(a_batch(f"2026030{number + 1}T120000Z_0", lab=lab, cc=cc), tmp_path, day=DAY)
    export = ("export", str(tmp_path), "--table", "store_changes", "--format", "jsonl")
    assert "mixed" in ask(*export, status=1).output
    assert ask(*export, "--lab").stdout.count("removed") == 1
    assert ask(*export, "--no-lab", "--country", "de").stdout.count("removed") == 1
    assert ask(*export, "--no-lab", "--since", "2026-03-02").stdout.count("removed") == 1
    assert ask(*export, "--no-lab", "--until", "2026-03-02").stdout.count("removed") == 1
    assert ask(*export, "--no-lab", "--service", "line").stdout.count("removed") == 0
    assert "is not settled" in ask(*export, "--release", status=2).output


def test_forget_takes_batches_and_nobody_else_s_files(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    write_batch(a_batch(), folder, day=DAY)
    (folder / "store_checks" / "notes.csv").write_text("mine")
    (folder / "store_checks" / "date=2026-03-01" / "mine.txt").write_text("mine")
    assert len([path for path in list_top_files(folder) if path.name != ".lock"]) == 3
    ask("forget", str(folder), "--yes")
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == ["mine.txt", "notes.csv"]
    (folder / "store_checks" / "notes.csv").unlink()
    (folder / "store_checks" / "date=2026-03-01" / "mine.txt").unlink()
    write_batch(a_batch(), folder, day=DAY)
    ask("forget", str(folder), "--yes")
    assert not folder.exists()


# --- asking


class Net:
    """Names and servers that answer as a test says; nothing is sent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, addresses: tuple[str, ...],
                 *answers: HTTPResponse | OSError) -> None:
        self.connected: list[str] = []
        self.urls: list[str] = []
        left = list(answers)

        def send(adapter: CallAdapter, request: requests.PreparedRequest, **_: object) -> requests.Response:
            self.connected.append(_now.call.address)
            found = left.pop(0)
            if isinstance(found, OSError):
                raise requests.ConnectionError from found
            self.urls.append(request.url or "")
            return adapter.build_response(request, found)

        monkeypatch.setattr(public_addresses, "resolve_by_system",
                            lambda *_, **__: (addresses, "" if addresses else "x", 0.0))
        monkeypatch.setattr(public_addresses, "has_route", lambda _: True)
        monkeypatch.setattr(CallAdapter, "send", send)


URL = "https://play.google.com/store/apps/details?id=x"


def get(url: str = URL) -> StorePage:
    return fetch_store_page(url, max_body_bytes=1000)


def found(body: bytes = b"") -> HTTPResponse:
    return HTTPResponse(BytesIO(body), status=200, preload_content=False)


def moved(location: str) -> HTTPResponse:
    return HTTPResponse(BytesIO(), headers={"Location": location}, status=302, preload_content=False)


@pytest.mark.parametrize("addresses", [("10.0.0.1",), ("127.0.0.1", "fe80::1"), ("192.168.1.1",), ("0.0.0.0",)])
def test_no_name_leads_into_a_private_network(monkeypatch: pytest.MonkeyPatch, addresses: tuple[str, ...]) -> None:
    net = Net(monkeypatch, addresses)
    assert get() == StorePage(failure="dns_bogon_error")
    assert net.connected == []


def test_names_that_are_not_resolved_are_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    Net(monkeypatch, ())
    assert get().failure == "x"


def test_the_next_address_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    net = Net(monkeypatch, ("8.8.1.1", "8.8.1.2"), TimeoutError(), found(b"x"))
    assert get() == StorePage(status=200, body=b"x")
    assert net.connected == ["8.8.1.1", "8.8.1.2"]
    Net(monkeypatch, ("8.8.1.1",), ConnectionResetError(errno.ECONNRESET, "reset"))
    assert get().failure == "connection_reset"


@pytest.mark.parametrize("location", [
    "https://consent.google.com/m", "http://play.google.com/store", "https://10.0.0.1/",
    "https://play.google.com:8443/",
    "//evil.example/", "file:///etc/passwd", "https://[",
])
def test_a_redirect_to_elsewhere_is_the_answer(monkeypatch: pytest.MonkeyPatch, location: str) -> None:
    net = Net(monkeypatch, ("8.8.1.1",), moved(location))
    assert get().status == 302
    assert len(net.urls) == 1


def test_redirects_within_the_store_are_followed_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    net = Net(monkeypatch, ("8.8.1.1",), moved("/store/apps/details?id=x&hl=en"), found())
    assert get().status == 200
    assert net.urls[1] == "https://play.google.com/store/apps/details?id=x&hl=en"
    net = Net(monkeypatch, ("8.8.1.1",), *[moved("/again") for _ in range(9)])
    assert get().status == 302
    assert len(net.urls) == fetching.MAX_REDIRECTS + 1


def test_what_is_no_url_of_a_store_is_refused() -> None:
    with pytest.raises(ValueError, match="https"):
        get("http://play.google.com/")
