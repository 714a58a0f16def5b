"""Inboxes that are no folder: real servers list them, each run is fetched once, and no server leads anywhere else."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

import pytest

from folder_lists import listing
from object_server import object_store
from probe.config.settings import SettingsError, UploadSettings
from probe.store.runs.run_reader import read_runs
from probe.upkeep.upload.parcel import pack_run
from probe_operate.collect import remote_runs, run_unpacking
from probe_operate.collect.collecting import CollectResult, collect_runs
from probe_operate.collect.remote_runs import InboxError, list_remote_folders
from probe_operate.inbox.http_inbox import HttpInbox
from probe_operate.inbox.inbox_places import open_inbox
from probe_operate.inbox.object_inbox import ObjectInbox
from upload_world import SECRET, Handler, answering, call, flood, nginx, no_proxies, to, upload, with_runs

DAV_MODULE = Path("/usr/lib/nginx/modules/ngx_http_dav_ext_module.so")
DAY = "date=2017-05-04"


@pytest.fixture(autouse=True)
def _on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    no_proxies(monkeypatch)


def names(out: Path) -> list[str]:
    return sorted(result.run.run_id for result in read_runs(out)) if (out / "runs").is_dir() else []


def numbers(done: CollectResult) -> tuple[int, int, int]:
    return done.taken, done.present, len(done.refused)


# real servers

LISTINGS: Mapping[str, str] = {
    "pages": "autoindex on;", "JSON": "autoindex on; autoindex_format json;",
    "WebDAV": "dav_ext_methods PROPFIND; autoindex on;",
}


@pytest.mark.parametrize("how", LISTINGS)
def test_what_was_uploaded_is_collected_once(tmp_path: Path, how: str) -> None:
    if how == "WebDAV" and not DAV_MODULE.exists():
        pytest.skip("libnginx-mod-http-dav-ext is not installed")
    results = with_runs(tmp_path / "results", "abcd")
    before = f"load_module {DAV_MODULE};" if how == "WebDAV" else ""
    with nginx(tmp_path / "nginx", more=LISTINGS[how], before=before) as (url, folder):
        with_runs(folder / "in" / "by-hand", "xy")  # plain tables, as somebody copied them there
        assert upload(to(f"{url}/in", tmp_path), results).exit_code == 0
        inbox, log = open_inbox(f"{url}/in"), tmp_path / "nginx" / "access"
        assert numbers(collect_runs([inbox], tmp_path / "out")) == (6, 0, 0)
        assert ("PROPFIND" in log.read_text()) is True
        assert (" 207 " in log.read_text()) is (how == "WebDAV")
        log.write_text("")
        assert numbers(collect_runs([inbox], tmp_path / "out")) == (0, 6, 0)
        assert "r-" not in log.read_text(), "what is known is not fetched again"
        with_runs(folder / "in" / "by-hand", "z")
        assert numbers(collect_runs([inbox], tmp_path / "out")) == (1, 6, 0)
        assert log.read_text().count("r-") == 5
    assert names(tmp_path / "out") == [f"r-{name}" for name in "abcdxyz"]


def archives(tmp_path: Path, letters: str = "abcd") -> dict[str, bytes]:
    """Name -> content of what an upload of these runs puts into an inbox."""
    results = with_runs(tmp_path / "results", letters)
    parcels = [pack_run(results, "2017-05-04", f"r-{name}") for name in letters]
    return {parcel.name: parcel.content for parcel in parcels}


def test_an_object_store_is_listed_and_its_new_objects_are_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("obstore")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    files = {f"in/{name}": content for name, content in archives(tmp_path).items()}
    files["in/readme.txt"] = b"hello"
    with object_store(files) as (url, fetched):
        access = tmp_path / "access.toml"
        access.write_text(f'endpoint = "{url}"\n')
        result = call("collect", "s3://bucket/in", "-o", str(tmp_path / "out"), "--access", str(access), "--json")
        assert result.exit_code == 0, result.output
        assert json.loads(result.output)["taken"] == 4
        assert sorted(fetched) == sorted(name for name in files if "nameless" in name)
        fetched.clear()
        again = call("collect", "s3://bucket/in", "-o", str(tmp_path / "out"), "--access", str(access), "--json")
        assert (json.loads(again.output)["present"], fetched) == (4, [])


def test_an_object_with_a_strange_name_hides_only_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("obstore")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    files = {f"in/{name}": content for name, content in archives(tmp_path).items()}
    files[f"in/hostile/archives/{DAY}/../../x.tgz"] = b""
    with object_store(files) as (url, _):
        access = tmp_path / "access.toml"
        access.write_text(f'endpoint = "{url}"\n')
        result = call("collect", "s3://bucket/in", "-o", str(tmp_path / "out"), "--access", str(access))
    assert names(tmp_path / "out") == ["r-a", "r-b", "r-c", "r-d"]
    assert (result.exit_code, f"hostile/archives/{DAY}" in result.output) == (1, True), result.output


def test_the_list_of_an_object_store_is_fetched_from_no_other_server(tmp_path: Path) -> None:
    pytest.importorskip("obstore")
    keys = {"access_key_id": "AK", "secret_access_key": SECRET}
    with answering(lambda handler: handler.reply(200, b"<ListBucketResult></ListBucketResult>")) as other:
        elsewhere = other.url.replace("127.0.0.1", "localhost")
        with answering(lambda handler: handler.reply(307, Location=elsewhere)) as server:
            inbox = ObjectInbox(UploadSettings(to="s3://bucket/in", endpoint=server.url), keys)
            with pytest.raises(InboxError):
                list_remote_folders(inbox)
            assert server.asked
    assert other.asked == []


@pytest.mark.parametrize("answer", [
    lambda handler: handler.reply(500), lambda handler: handler.reply(403), lambda handler: handler.reply(200, b"<x"),
    lambda handler: handler.reply(307, Location="http://127.0.0.1:1/"),
])
def test_an_object_store_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                            answer: Callable[[Handler], None]) -> None:
    pytest.importorskip("obstore")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    with answering(answer) as server:
        access = tmp_path / "access.toml"
        access.write_text(f'endpoint = "{server.url}"\n')
        result = call("collect", "s3://bucket/in", "-o", str(tmp_path / "out"), "--access", str(access))
    assert result.exit_code == 1
    assert "s3://bucket/in" in result.output
    assert SECRET not in result.output


# what servers say


@contextmanager
def inbox_of(files: Mapping[str, bytes], faults: Mapping[str, Callable[[Handler], None]] | None = None,
             sizes: Mapping[str, int] | None = None) -> Iterator[HttpInbox]:
    """An inbox on a server that lists folders as JSON, with an answer of its own for some paths."""

    def answer(handler: Handler) -> None:
        path = unquote(handler.path).lstrip("/")
        if handler.command == "PROPFIND":
            handler.reply(405)
        elif faults and path in faults:
            faults[path](handler)
        elif path in files:
            handler.reply(200, files[path])
        else:
            below = [name.removeprefix(path) for name in files if name.startswith(path)]
            rows = {name.partition("/")[0]: "directory" if "/" in name else "file" for name in below}
            handler.reply(200, listing(*((name, kind, (sizes or {}).get(name, len(files.get(path + name, b""))))
                                         for name, kind in rows.items())), **{"Content-Type": "application/json"})

    with answering(answer) as server:
        yield HttpInbox(UploadSettings(to=server.url), {})


def torn(content: bytes) -> Callable[[Handler], None]:
    def answer(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content[: len(content) // 2])
        handler.close_connection = True

    return answer


FAULTS: Mapping[str, Callable[[bytes], Callable[[Handler], None]]] = {
    "torn": torn,
    "shorter than listed": lambda content: lambda handler: handler.reply(200, content[:-20]),
    "a failure": lambda content: lambda handler: handler.reply(500, content),
    "gone": lambda content: lambda handler: handler.reply(404),
    "a redirect into this network": lambda content: lambda handler: handler.reply(
        302, Location="http://127.0.0.1:1/latest/meta-data"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_file_that_cannot_be_fetched_is_tried_again(tmp_path: Path, fault: str) -> None:
    files = archives(tmp_path)
    name = next(name for name in files if "r-b" in name)
    with inbox_of(files, {name: FAULTS[fault](files[name])}) as inbox:
        assert numbers(collect_runs([inbox], tmp_path / "out")) == (3, 0, 1)
    with inbox_of(files) as inbox:
        assert collect_runs([inbox], tmp_path / "out").taken == 1
    assert names(tmp_path / "out") == ["r-a", "r-b", "r-c", "r-d"]


def bomb() -> bytes:
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=9) as file:
        file.write(bytes(3 << 20))
    return packed.getvalue()


@pytest.mark.parametrize("make", [lambda content: content[: len(content) // 2], lambda content: b"\x1f\x8b",
                                  lambda content: gzip.compress(content), lambda content: bomb()])
def test_a_file_that_is_wrong_where_it_lies_is_fetched_once(
    tmp_path: Path, make: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run_unpacking, "MAX_UNPACKED_BYTES", 2 << 20)
    monkeypatch.setattr(run_unpacking, "MAX_SMALL_BYTES", 1 << 20)
    files = archives(tmp_path, "ab")
    name = next(name for name in files if "r-b" in name)
    files = files | {name: make(files[name])}
    with inbox_of(files) as inbox:
        assert numbers(collect_runs([inbox], tmp_path / "out")) == (1, 0, 1)
        monkeypatch.setattr(HttpInbox, "fetch", lambda *_, **__: pytest.fail("was fetched again"))
        again = collect_runs([inbox], tmp_path / "out")
    assert numbers(again) == (0, 1, 1)
    assert again.refused[0].path.name == "r-b.tgz"


def test_more_than_any_run_has_is_neither_fetched_nor_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = archives(tmp_path, "ab")
    monkeypatch.setattr(remote_runs, "MAX_UNPACKED_BYTES", 1000)
    with inbox_of(files, dict.fromkeys(files, flood), dict.fromkeys(("r-a.tgz",), 1 << 40)) as inbox:
        done = collect_runs([inbox], tmp_path / "out")
    assert numbers(done) == (0, 0, 2)


def test_an_inbox_that_fails_on_and_on_is_given_up_and_others_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(remote_runs, "_MOST_FAILURES", 2)
    files = archives(tmp_path, "abcdef")
    other = with_runs(tmp_path / "other", "x")
    with inbox_of(files, dict.fromkeys(files, lambda handler: handler.reply(503))) as inbox:
        done = collect_runs([inbox, other], tmp_path / "out")
    assert (done.taken, len(done.unreached)) == (1, 1)
    assert "503" in done.unreached[0]


def test_a_folder_that_cannot_be_listed_hides_no_other(tmp_path: Path) -> None:
    files = archives(tmp_path) | {"broken/archives/x": b""}
    with inbox_of(files, {"broken/": lambda handler: handler.reply(500)}) as inbox:
        done = collect_runs([inbox], tmp_path / "out")
    assert (done.taken, len(done.unreached)) == (4, 1)


def test_too_many_files_end_the_listing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_runs, "MAX_LISTED", 3)
    with inbox_of(archives(tmp_path)) as inbox, pytest.raises(InboxError, match="lists more than"):
        list_remote_folders(inbox)


def test_a_volunteer_with_too_many_files_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_runs, "MAX_LISTED_OF_ONE", 3)
    files = archives(tmp_path, "ab") | {f"many/archives/{DAY}/{n}.tgz": b"x" for n in range(9)}
    with inbox_of(files) as inbox:
        done = collect_runs([inbox], tmp_path / "out")
    assert (done.taken, len(done.refused)) == (2, 3 + 1)


# places


@pytest.mark.parametrize(("url", "access", "told"), [
    ("http://inbox.example/in", "", "unencrypted"), ("ftp://inbox.example/", "", "must begin with"),
    ("https://me:pw@inbox.example/in", "", "login"), ("https://inbox.example/in", 'to = "x"', "does not belong"),
    ("https://inbox.example/in", "port = 3", "port"), ("s3://bucket/in", "", "needs keys"),
])
def test_a_place_that_will_not_do_is_told_before_anything_is_asked(
    tmp_path: Path, url: str, access: str, told: str, monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "access.toml").write_text(access)
    with pytest.raises(SettingsError, match=told):
        open_inbox(url, tmp_path / "access.toml")
    result = call("collect", url, "-o", str(tmp_path / "out"), "--access", str(tmp_path / "access.toml"))
    assert (result.exit_code, "pw" in result.output) == (2, False)


def test_a_login_of_the_credentials_is_sent(tmp_path: Path) -> None:
    keys = tmp_path / "keys.toml"
    keys.write_text(f'token = "{SECRET}"\n')
    keys.chmod(0o600)
    (tmp_path / "access.toml").write_text(f'credentials = "{keys}"\n')
    with answering(lambda handler: handler.reply(404)) as server:
        result = call("collect", server.url, "-o", str(tmp_path / "out"), "--access", str(tmp_path / "access.toml"))
        assert {asked[2].get("Authorization") for asked in server.asked} == {f"Bearer {SECRET}"}
    assert result.exit_code == 1
    assert SECRET not in result.output
