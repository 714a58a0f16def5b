"""Inboxes in stand-ins that keep buckets as Amazon, Microsoft and Google do: uploaded to, listed, fetched once.

They are used where they are in the PATH: `moto_server` (pip: moto[s3,server]), `azurite-blob` (npm: azurite) and
`fake-gcs-server` (Go).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from probe.config.settings import UploadSettings
from probe.upkeep.upload import object_stores
from probe.upkeep.upload.http_upload import HttpSender
from probe.upkeep.upload.object_stores import AZURE_HEADERS, UrlSigner
from probe.upkeep.upload.parcel import pack_run
from probe.upkeep.upload.sender import UploadError
from probe_operate.collect.collecting import collect_runs
from probe_operate.collect.remote_runs import InboxError, list_remote_folders
from probe_operate.inbox.object_inbox import ObjectInbox
from upload_world import SECRET, Handler, answering, no_proxies, with_runs

pytest.importorskip("obstore")
pytestmark = pytest.mark.slow
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Azurite's own, which everybody knows."""
PATIENCE_S = 60.0


@contextmanager
def started(command: list[str], mark: str) -> Iterator[str]:
    """A server that tells its address behind a mark."""
    program = shutil.which(command[0])
    if not program:
        pytest.skip(f"no {command[0]} here")
    process = subprocess.Popen([program, *command[1:]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout
    try:
        yield next(line.rpartition(mark)[2].strip().strip('"') for line in process.stdout if mark in line)
    finally:
        process.terminate()
        process.stdout.close()
        process.wait()


def put_and_collect(access: UploadSettings, keys: dict[str, str], tmp_path: Path,
                    make_bucket: Callable[[], int]) -> None:
    """Without a bucket both are refused; with one all arrives, and is fetched once."""
    results = with_runs(tmp_path / "results", "abcd")
    parcels = [pack_run(results, "2017-05-04", f"r-{name}") for name in "abcd"]
    sender = HttpSender(access, {}, signed=UrlSigner(access, keys).url,
                        headers=AZURE_HEADERS if access.account else {})
    with pytest.raises(UploadError):
        sender.put(parcels[0].name, parcels[0].content, timeout_s=PATIENCE_S)
    with pytest.raises(InboxError):
        list_remote_folders(ObjectInbox(access, keys))
    assert make_bucket() in (200, 201)
    for parcel in parcels:
        sender.put(parcel.name, parcel.content, timeout_s=PATIENCE_S)
    found = [collect_runs([ObjectInbox(access, keys)], tmp_path / "out") for _ in range(2)]
    assert [(one.taken, one.present, one.refused, one.unreached) for one in found] == [(4, 0, [], []), (0, 4, [], [])]


@pytest.fixture(autouse=True)
def _on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    no_proxies(monkeypatch)


def lead_to(url: str, monkeypatch: pytest.MonkeyPatch, **config: str) -> None:
    """The provider's address is that of the stand-in."""
    server = url.partition("://")[2]
    monkeypatch.setattr(object_stores, "_find_server", lambda _: server)
    monkeypatch.setattr(object_stores, "_describe_server", lambda _: config)


def test_amazon(tmp_path: Path) -> None:
    with started(["moto_server", "-H", "127.0.0.1", "-p", "0"], "Running on ") as url:
        put_and_collect(UploadSettings(to="s3://bucket/in", endpoint=url),
                        {"access_key_id": "AK", "secret_access_key": SECRET}, tmp_path,
                        lambda: requests.put(f"{url}/bucket", timeout=PATIENCE_S).status_code)


def make_container(url: str) -> int:
    """As Azure's shared keys have it (Authorize with Shared Key)."""
    date = f"{datetime.now(UTC):%a, %d %b %Y %H:%M:%S} GMT"
    signed = (f"PUT{chr(10) * 12}x-ms-date:{date}\nx-ms-version:2021-08-06\n/{ACCOUNT}/{ACCOUNT}/box\n"
              "restype:container")
    mac = hmac.new(base64.b64decode(ACCOUNT_KEY), signed.encode(), hashlib.sha256).digest()
    return requests.put(f"{url}/{ACCOUNT}/box?restype=container", timeout=PATIENCE_S, headers={
        "x-ms-date": date, "x-ms-version": "2021-08-06", "Content-Length": "0",
        "Authorization": f"SharedKey {ACCOUNT}:{base64.b64encode(mac).decode()}"}).status_code


def test_microsoft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with started(["azurite-blob", "--blobPort", "0", "--inMemoryPersistence", "--skipApiVersionCheck",
                  "--disableTelemetry"], "successfully listens on ") as url:
        lead_to(url, monkeypatch, azure_storage_account_name=ACCOUNT, azure_storage_endpoint=f"{url}/{ACCOUNT}")
        put_and_collect(UploadSettings(to="az://box/in", account=ACCOUNT), {"account_key": ACCOUNT_KEY}, tmp_path,
                        lambda: make_container(url))


def make_account(url: str, token_url: str) -> str:
    """A service account's key file."""
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    private = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return json.dumps({"type": "service_account", "private_key": private, "private_key_id": "1", "client_id": "1",
                       "client_email": "a@b.iam.gserviceaccount.com", "token_uri": token_url, "gcs_base_url": url})


def give_token(handler: Handler) -> None:
    answer: dict[str, Any] = {"access_token": "t", "expires_in": 3600, "token_type": "Bearer"}
    handler.reply(200, json.dumps(answer).encode())


def test_google(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])  # it wants to know its own address beforehand
    command = ["fake-gcs-server", "-backend", "memory", "-scheme", "http", "-host", "127.0.0.1", "-port", str(port),
               "-public-host", f"127.0.0.1:{port}"]
    with answering(give_token) as tokens, started(command, "server started at ") as url:
        lead_to(url, monkeypatch)
        put_and_collect(UploadSettings(to="gs://box/in"), {"service_account_key": make_account(url, tokens.url)},
                        tmp_path, lambda: requests.post(f"{url}/storage/v1/b?project=x", json={"name": "box"},
                                                        timeout=PATIENCE_S).status_code)
