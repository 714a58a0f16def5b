"""Places that are no inbox of ours: what the pages say to write for nginx keeps names in shape."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import requests

from project_root import ROOT
from upload_world import NGINX, nginx, no_proxies, to, upload, with_runs


@pytest.mark.skipif(not NGINX, reason="nginx is not installed")
def test_nobody_makes_a_file_of_a_folder_that_others_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_proxies(monkeypatch)
    page = (ROOT / "docs" / "upload.md").read_text(encoding="utf-8")
    [lines] = re.findall(r"location /incoming/ \{\n(.*?)dav_methods", page, re.DOTALL)
    results = with_runs(tmp_path / "results")
    with nginx(tmp_path / "server", more=lines) as (url, folder):
        sealed = f"sealed/{'0' * 32}.age"
        for name in ("sealed", "proofs", "nameless", "nameless/archives", "nameless/archives/date=2017-05-04", "x.txt"):
            assert requests.put(f"{url}/incoming/{name}", data=b"mine", timeout=10).status_code == 403, name
        assert [requests.put(f"{url}/incoming/{sealed}", data=data, timeout=10).status_code
                for data in (b"1", b"2")] == [201, 204]
        assert upload(to(f"{url}/incoming", tmp_path), results).exit_code == 0
        assert (folder / "incoming" / sealed).read_bytes() == b"1"
