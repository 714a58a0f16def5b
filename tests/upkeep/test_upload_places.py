"""Ways to a place: proxies, object stores, keys; and that nothing goes where nobody agreed to."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from probe.config.settings import SettingsError, UploadSettings
from probe.upkeep.commands.exit_codes import EXIT_FAILED, EXIT_NO_CONSENT
from probe.upkeep.upload.object_stores import UrlSigner
from probe.upkeep.upload.sender import UploadError
from upload_world import SECRET, answering, call, drip, flood, no_patience, no_proxies, to, upload, with_runs


@pytest.fixture(autouse=True)
def _on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    no_proxies(monkeypatch)


def test_a_proxy_carries_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = with_runs(tmp_path / "results", "a")
    with answering(lambda handler: handler.reply(201)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        assert upload(to("http://nas.local/in", tmp_path), results).exit_code == 0
        monkeypatch.delenv("http_proxy")
        login = proxy.url.replace("//", f"//me:{SECRET}@")
        assert upload(to("http://box.local/in", tmp_path, proxy=login), results).exit_code == 0
    paths = [path for _, path, _, _ in proxy.asked]
    assert [sum(path.startswith(f"http://{host}.local/in/nameless/") for path in paths) for host in ("nas", "box")] == [
        1, 1]


def test_a_refusing_proxy_is_told_without_its_password(tmp_path: Path) -> None:
    results = with_runs(tmp_path / "results", "a")
    proxy = f"http://me:{SECRET}@127.0.0.1:1"
    result = upload(to("https://results.example/in", tmp_path, proxy=proxy), results)
    assert result.exit_code == EXIT_FAILED
    assert "the proxy" in result.output
    assert SECRET not in result.output


def test_an_object_store_gets_signed_files(tmp_path: Path) -> None:
    pytest.importorskip("obstore")
    keys = tmp_path / "keys.toml"
    keys.write_text(f'access_key_id = "AK"\nsecret_access_key = "{SECRET}"\n')
    keys.chmod(0o600)
    results = with_runs(tmp_path / "results")
    with answering(lambda handler: handler.reply(200, ETag='"x"')) as server:
        config = to("s3://bucket/in", tmp_path, endpoint=server.url, credentials=str(keys))
        result = upload(config, results)
        assert result.exit_code == 0, result.output
        assert f"s3://bucket/in at {server.url}" in result.output
    for method, path, headers, _ in server.asked:
        assert (method, path.startswith("/bucket/in/nameless/")) == ("PUT", True)
        assert "X-Amz-Credential=AK%2F" in path
        assert "X-Amz-Signature=" in path
        assert SECRET not in f"{path} {headers}"
        assert "Authorization" not in headers
        assert headers["Content-Type"] == "application/gzip"
    assert len(server.asked) == 3


@pytest.mark.parametrize(("answer", "told"), [
    (no_patience, "HTTP status 500"), (drip, "no answer within"), (flood, "HTTP status 500"),
    (lambda handler: handler.reply(403), "finds the clock wrong"),
    (lambda handler: handler.reply(307, Location="http://127.0.0.1:1/"), "points elsewhere"),
])
def test_a_failing_object_store_costs_one_try(tmp_path: Path, answer: object, told: str,
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("obstore")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    results = with_runs(tmp_path / "results")
    with answering(answer) as server:  # type: ignore[arg-type]
        result = upload(to("s3://bucket/in", tmp_path, endpoint=server.url), results, "--for-s", "3")
    assert result.exit_code == EXIT_FAILED, result.output
    assert told in result.output
    assert len(server.asked) == 1
    assert server.flooded < 64 << 20
    assert SECRET not in result.output
    assert "\x1b" not in result.output


def test_azure_and_google_get_signed_urls_of_their_own_and_nothing_else_is_asked() -> None:
    pytest.importorskip("obstore")
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    azure = UploadSettings(to="az://box/in", account="acct")
    key = base64.b64encode(SECRET.encode()).decode()
    begin = "https://acct.blob.core.windows.net/box/in/a/date"
    for keys in ({"account_key": key}, {"sas_token": "?sv=1&sig=x"}):
        url = UrlSigner(azure, keys).url("a/date=1/r.csv")
        assert url.startswith(begin)
        assert "sig=" in url
        assert key not in url
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    account = json.dumps({"type": "service_account", "private_key": private, "private_key_id": "1", "client_id": "1",
                          "client_email": "a@b.iam.gserviceaccount.com", "token_uri": "http://127.0.0.1:9/"})
    url = UrlSigner(UploadSettings(to="gs://box/in"), {"service_account_key": account}).url("a/date=1/r.csv")
    assert url.startswith("https://storage.googleapis.com/box/in/a/date")
    assert "X-Goog-Signature=" in url
    led = json.dumps({**json.loads(account), "gcs_base_url": "http://127.0.0.1:9"})
    with pytest.raises(UploadError, match="another server"):
        UrlSigner(UploadSettings(to="gs://box/in"), {"service_account_key": led}).url("a/date=1/r.csv")
    with pytest.raises((SettingsError, UploadError)) as told:
        UrlSigner(UploadSettings(to="gs://box/in"), {"service_account_key": f"{{{SECRET}"}).url("x")
    assert SECRET not in str(told.value)


@pytest.mark.parametrize(("environment", "told"), [
    ({}, "needs keys (access_key_id and secret_access_key)"),
    ({"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "elsewhere"),
    ({"AWS_ACCESS_KEY_ID": "a", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"}, "elsewhere"),
])
def test_keys_are_never_asked_of_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                             environment: dict[str, str], told: str) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    result = upload(to("s3://bucket/in", tmp_path), with_runs(tmp_path / "results"))
    assert result.exit_code == EXIT_FAILED
    assert told in result.output


@pytest.mark.parametrize(("text", "mode", "told"), [
    ('user = "a"\n', 0o644, "chmod 600"), (f'user = "{SECRET}\n', 0o600, "is no TOML"),
    ("user = 1\n", 0o600, "in quotes"), ('access_key_id = "a"\n', 0o600, "is no key for http://"),
])
def test_a_file_of_keys_that_will_not_do_is_told_without_them(tmp_path: Path, text: str, mode: int, told: str) -> None:
    keys = tmp_path / "keys.toml"
    keys.write_text(text)
    keys.chmod(mode)
    result = upload(to("http://127.0.0.1:1/", tmp_path, credentials=str(keys)), with_runs(tmp_path / "results"))
    assert result.exit_code == EXIT_FAILED
    assert told in result.output
    assert SECRET not in result.output


def test_nothing_goes_where_nobody_agreed_to(tmp_path: Path) -> None:
    results = with_runs(tmp_path / "results")
    with answering(lambda handler: handler.reply(201)) as server:
        config = to(f"{server.url}/in", tmp_path)
        config.write_text(config.read_text().replace(f'to = "{server.url}/in"', f'to = "{server.url}/other"'))
        result = upload(config, results)
        assert result.exit_code == EXIT_NO_CONSENT
        assert f"{server.url}/other" in result.output
        assert server.asked == []
    told = call("status", "--config", str(config), "--results", str(results)).output
    assert "Nothing is sent." in told
