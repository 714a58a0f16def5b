"""Fetching from a bucket of somebody else's making: moto answers as S3 does, page by page."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from probe_analysis.imported.archive.archive_fetch import ArchiveClient

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 27, 6, 30, tzinfo=UTC)
FILES, LISTED = 10, 4
"""More than a listing holds."""


def test_a_bucket_is_listed_page_by_page_and_its_files_are_fetched(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    boto3: Any = pytest.importorskip("boto3", reason="needs the extra `validators`")
    server: Any = pytest.importorskip("moto.server", reason="needs the extra `validators`")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "made-up")
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", str(LISTED))
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    running.start()
    try:
        _, port = running.get_host_and_port()
        url = f"http://127.0.0.1:{port}"
        client = boto3.client("s3", endpoint_url=url, region_name="us-east-1")
        client.create_bucket(Bucket="ooni")
        wanted = {f"raw/20261127/06/RU/whatsapp/2026112706_RU_whatsapp.n1.{n}.jsonl.gz": f"{n}" for n in range(FILES)}
        for key, text in wanted.items():
            client.put_object(Bucket="ooni", Key=key, Body=gzip.compress(text.encode()), ACL="public-read")
        done = ArchiveClient(tmp_path, bucket=f"{url}/ooni", api=url).fetch_tests(
            "whatsapp", "RU", tests=("whatsapp",), compare=(), since=NOW, now=NOW)
    finally:
        running.stop()
    found = {path.relative_to(tmp_path).as_posix(): gzip.decompress(path.read_bytes()).decode()
             for path in map(Path, done.files)}
    assert (done.problems, done.stopped) == ([], "")
    assert found == wanted
