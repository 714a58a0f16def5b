"""`probe.open_results` over HTTP, from a real server: the same rows, and nothing that a hostile one wishes."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

import probe
from fleet_days import some_runs, write_runs
from probe.store.archive.compaction import compact_days
from probe.store.files.atomic import StoreError
from probe_analysis import results_download
from probe_analysis.exports.run_choice import RunFilter
from probe_analysis.publication.datapackage import write_package
from probe_analysis.publication.package_facts import PackageOrder
from probe_analysis.publication.release_package import write_release_package
from probe_analysis.results_download import DESCRIPTOR
from upload_world import NGINX, nginx

needs_nginx = pytest.mark.skipif(not NGINX, reason="nginx is not installed")


@needs_nginx
@pytest.mark.parametrize("merged", [False, True])
def test_results_on_a_server_are_those_in_the_folder(tmp_path: Path, merged: bool) -> None:
    with nginx(tmp_path / "server") as (url, folder):
        write_runs(folder, some_runs(8), parquet=False)
        if merged:
            compact_days(folder, today=date(2026, 6, 1))
        write_package(folder)
        there, here = probe.open_results(f"{url}/{DESCRIPTOR}" if merged else url), probe.open_results(folder)
        for name in ("runs", "verdicts", "services"):
            assert len(there.table(name).to_pyarrow()) == len(here.table(name).to_pyarrow()) > 0
        assert sorted(there.runs()["run_id"]) == sorted(here.runs()["run_id"])
        assert len(there.cells()) == len(here.cells())


@needs_nginx
def test_a_release_is_read_from_a_server_and_checked(tmp_path: Path) -> None:
    write_runs(tmp_path / "results", some_runs(8), parquet=False)
    with nginx(tmp_path / "server") as (url, folder):
        package = folder / "package"
        write_release_package(tmp_path / "results", package, RunFilter(), PackageOrder(version="1"),
                              now=datetime(2026, 9, 1, tzinfo=UTC))
        results = probe.open_results(f"{url}/package/")
        assert len(results.verdicts()) == len(probe.open_results(package).verdicts()) > 0
        with pytest.raises(StoreError, match="released"):
            results.cells()
        (package / "data" / "verdicts.csv").write_bytes(b"run_id\r\n")
        with pytest.raises(StoreError, match="checksum"):
            probe.open_results(f"{url}/package/")


@needs_nginx
@pytest.mark.parametrize(("descriptor", "told"), [
    (b"[]", "no data package"), (b"\xff", "no data package"), (b"[" * 100_000, "no data package"),
    (json.dumps({"resources": [{"name": "runs", "path": "../../etc/passwd"}]}).encode(), "no file of results"),
    (json.dumps({"resources": [{"name": "runs", "path": ["runs/date=2026-03-01/../x.csv"]}]}).encode(),
     "no file of results"),
    (json.dumps({"resources": [{"name": "runs", "path": "http://192.0.2.1/data/runs.csv"}]}).encode(),
     "no file of results"),
    (json.dumps({"resources": [{"name": "runs", "path": ["data/runs.csv"]}]}).encode(), "404"),
    (json.dumps({"resources": []}).encode(), "no results here"),
])
def test_a_server_that_lies_is_told(tmp_path: Path, descriptor: bytes, told: str) -> None:
    with nginx(tmp_path / "server") as (url, folder):
        (folder / DESCRIPTOR).write_bytes(descriptor)
        with pytest.raises(StoreError, match=told):
            probe.open_results(url)


@needs_nginx
def test_what_is_fetched_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with nginx(tmp_path / "server") as (url, folder):
        write_runs(folder, some_runs(3), parquet=False)
        write_package(folder)
        with monkeypatch.context() as patch:
            patch.setattr(results_download, "MAX_FILES", 2)
            with pytest.raises(StoreError, match="than 2 files"):
                probe.open_results(url)
        monkeypatch.setattr(results_download, "MAX_BYTES", 2000)
        with pytest.raises(StoreError, match="larger than"):
            probe.open_results(url)


@pytest.mark.parametrize("url", ["http://example.com/results", "https://", "https://user:word@host.example/"])
def test_addresses_that_are_never_asked(url: str) -> None:
    with pytest.raises(StoreError):
        probe.open_results(url)


@pytest.mark.parametrize("name", ["may-2017", "telegram-partial"])
def test_examples_come_with_the_package(name: str) -> None:
    results = probe.open_example(name)
    assert results.runs()["lab"].all()
    assert (results.cells()["blocked"] > 0).any()
    assert results.problems == []


def test_an_example_that_is_none_is_told() -> None:
    with pytest.raises(StoreError, match="may-2017, telegram-partial"):
        probe.open_example("../may-2017")
