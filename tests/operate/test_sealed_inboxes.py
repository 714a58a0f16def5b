"""Sealed uploads wherever they lie: opened, read once by their digest, bounded, and what is wrong is told."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

pyrage = pytest.importorskip("pyrage")

from object_server import object_store  # noqa: E402
from probe.config.settings import UploadSettings  # noqa: E402
from probe.store.archive.own_files import KNOWN_FILE  # noqa: E402
from probe.store.archive.sealed_runs import read_recipient, seal  # noqa: E402
from probe.store.runs.run_reader import read_runs  # noqa: E402
from probe.upkeep.upload.parcel import pack_run  # noqa: E402
from probe_operate.collect import (  # noqa: E402
    file_marks,
    remote_runs,
    run_unpacking,
    sealed_reading,
)
from probe_operate.collect.collecting import CollectResult, collect_runs  # noqa: E402
from probe_operate.collect.sealed_reading import OpeningKeys  # noqa: E402
from probe_operate.inbox.inbox_places import open_inbox  # noqa: E402
from probe_operate.inbox.object_inbox import ObjectInbox  # noqa: E402
from upload_world import SECRET, call, nginx, no_proxies, to, upload, with_runs  # noqa: E402

OURS, OTHERS = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
US = read_recipient(str(OURS.to_public()))
KEYS = OpeningKeys.of([OURS])
DAY = "2017-05-04"
Collect = Callable[..., CollectResult]


@pytest.fixture(autouse=True)
def _on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    no_proxies(monkeypatch)
    monkeypatch.setattr(file_marks, "_SETTLED_NS", -(1 << 62))  # files are as they will stay, however new


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "project.key"
    path.write_text(f"{OURS}\n")
    path.chmod(0o600)
    return path


def sealed(tmp_path: Path, letters: str) -> dict[str, bytes]:
    """Name -> content of what an upload of these runs puts into an inbox."""
    results = with_runs(tmp_path / "results", letters)
    parcels = [pack_run(results, DAY, f"r-{name}") for name in letters]
    return dict(seal(parcel.name, parcel.content, US) for parcel in parcels)


def numbers(done: CollectResult) -> tuple[int, int, int, int]:
    return done.taken, done.present, len(done.refused), done.unopened


def names(out: Path) -> list[str]:
    return sorted(result.run.run_id for result in read_runs(out))


@pytest.fixture(params=["folder", "objects"])
def collect(request: pytest.FixtureRequest, tmp_path: Path) -> Collect:
    """Collects such files, from a folder or from an object store."""
    def from_folder(files: Mapping[str, bytes], keys: OpeningKeys | None = KEYS) -> CollectResult:
        for name, content in files.items():
            path = tmp_path / "inbox" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return collect_runs([tmp_path / "inbox"], tmp_path / "out", keys=keys)

    def from_objects(files: Mapping[str, bytes], keys: OpeningKeys | None = KEYS) -> CollectResult:
        pytest.importorskip("obstore")
        with object_store(files) as (url, _):
            inbox = ObjectInbox(UploadSettings(to="s3://bucket", endpoint=url),
                                {"access_key_id": "AK", "secret_access_key": SECRET})
            return collect_runs([inbox], tmp_path / "out", keys=keys)

    return from_folder if request.param == "folder" else from_objects


@pytest.mark.parametrize("how", ["autoindex on;", "autoindex on; autoindex_format json;"])
def test_what_was_sealed_for_a_web_server_is_collected_once(tmp_path: Path, key: Path, how: str) -> None:
    with nginx(tmp_path / "nginx", more=how) as (url, folder):
        config = to(f"{url}/in", tmp_path, encrypt_to=str(OURS.to_public()))
        assert upload(config, with_runs(tmp_path / "results", "abc")).exit_code == 0
        (folder / "in" / "readme.txt").write_text("hello")
        (folder / "in" / "sealed" / "sealed").mkdir()
        out, log = tmp_path / "out", tmp_path / "nginx" / "access"
        without = call("collect", f"{url}/in", "-o", str(out))
        assert (without.exit_code, "3 encrypted" in without.stderr) == (1, True)
        done = call("collect", f"{url}/in", "-o", str(out), "--identity", str(key), "--json")
        assert done.exit_code == 0, done.output
        assert names(out) == ["r-a", "r-b", "r-c"]
        log.write_text("")
        again = json.loads(call("collect", f"{url}/in", "-o", str(out), "--identity", str(key), "--json").output)
        assert (again["taken"], again["present"], again["unopened"]) == (0, 3, 0)
        assert ".age" not in log.read_text(), "what is known is not fetched again"
        assert upload(config, with_runs(tmp_path / "results", "d")).exit_code == 0
        collect_runs([open_inbox(f"{url}/in")], out, keys=KEYS)
        assert log.read_text().count('"GET /in/sealed/') == 3, "a list, another, and one file"
    assert names(out) == ["r-a", "r-b", "r-c", "r-d"]


def test_sealed_and_plain_lie_side_by_side(tmp_path: Path, collect: Collect) -> None:
    files = sealed(tmp_path, "ab") | {f"group/{name}": content for name, content in sealed(tmp_path, "c").items()}
    parcel = pack_run(with_runs(tmp_path / "results", "d"), DAY, "r-d")
    assert numbers(collect({**files, parcel.name: parcel.content})) == (4, 0, 0, 0)
    assert numbers(collect({}, None))[3] in (0, 3)
    assert numbers(collect({**files, parcel.name: parcel.content})) == (0, 4, 0, 0)


def test_by_its_digest_a_run_is_known_wherever_it_lies_and_whenever_it_was_sent(
    tmp_path: Path, collect: Collect, monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = sealed(tmp_path, "abc")
    assert numbers(collect(first)) == (3, 0, 0, 0)
    second = sealed(tmp_path / "again", "abc")
    assert (second.keys(), first != second) == (first.keys(), True)

    def fail(*_: object) -> None:
        raise AssertionError("was opened again")

    monkeypatch.setattr(sealed_reading, "unseal", fail)
    assert numbers(collect({f"moved/{name}": content for name, content in second.items()}))[0] == 0
    assert numbers(collect(second))[2] == 0


def test_a_file_under_anothers_name_hides_nothing(tmp_path: Path, collect: Collect) -> None:
    (_, first), (name, second) = sealed(tmp_path, "ab").items()
    assert numbers(collect({name: first})) == (1, 0, 0, 0)
    assert numbers(collect({name: first})) == (0, 1, 0, 0)
    assert numbers(collect({name: second})) == (1, 0, 0, 0)
    assert names(tmp_path / "out") == ["r-a", "r-b"]


def test_a_lost_memory_only_costs_work(tmp_path: Path, collect: Collect) -> None:
    files = sealed(tmp_path, "ab")
    assert numbers(collect(files)) == (2, 0, 0, 0)
    (tmp_path / "out" / KNOWN_FILE).unlink()
    assert numbers(collect(files)) == (0, 2, 0, 0)


def test_what_one_key_cannot_open_another_may(tmp_path: Path, collect: Collect) -> None:
    files = sealed(tmp_path, "a")
    for _ in range(2):
        assert numbers(collect(files, OpeningKeys.of([OTHERS]))) == (0, 0, 1, 0)
    assert numbers(collect(files, OpeningKeys.of([OTHERS, OURS]))) == (1, 0, 0, 0)


def bomb() -> bytes:
    return gzip.compress(bytes(4 << 20))


def spoil(tmp_path: Path, how: str) -> bytes:
    """A sealed file of which no run can be taken."""
    (content,) = sealed(tmp_path, "z").values()
    if how == "changed":
        return content[:-1] + bytes([content[-1] ^ 1])
    if how == "cut":
        return content[:-100]
    if how == "bomb":
        return seal(f"v/archives/date={DAY}/r-z.tgz", bomb(), US)[1]
    if how == "elsewhere":
        return seal(f"v/archives/date={DAY}/../../r-z.tgz", b"x", US)[1]
    return b"" if how == "empty" else content + bytes(1 << 20)


@pytest.mark.parametrize("how", ["changed", "cut", "bomb", "elsewhere", "empty", "large"])
def test_what_is_wrong_with_one_is_told_and_harms_no_other(
    tmp_path: Path, collect: Collect, how: str, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run_unpacking, "MAX_UNPACKED_BYTES", 1 << 20)
    for module in (sealed_reading, remote_runs):
        monkeypatch.setattr(module, "MOST_SEALED_BYTES", 1 << 20)
    files = sealed(tmp_path, "ab") | {f"sealed/{'0' * 32}.age": spoil(tmp_path, how)}
    for expected in ((2, 0), (0, 2)):
        done = collect(files)
        assert (done.taken, done.present) == expected
        (refused,) = done.refused
        assert refused.path.name == f"{'0' * 32}.age"
        assert str(tmp_path / "out") not in refused.reason
        assert "probe-unsealed" not in refused.reason


def test_two_versions_of_a_run_are_both_seen(tmp_path: Path, collect: Collect) -> None:
    first = sealed(tmp_path, "a")
    tables = next((tmp_path / "results" / "verdicts").rglob("*.csv"))
    tables.write_text(tables.read_text().replace(",ok,", ",,"))
    parcel = pack_run(tmp_path / "results", DAY, "r-a")
    done = collect({**first, **dict([seal(parcel.name, parcel.content, US)])})
    assert (done.taken, list(done.conflicts)) == (0, ["r-a"])


def test_an_inbox_that_fails_again_and_again_is_given_up(tmp_path: Path) -> None:
    pytest.importorskip("obstore")
    files = sealed(tmp_path, "abcdefghijklmnop")
    with object_store(files) as (url, fetched):
        inbox = ObjectInbox(UploadSettings(to="s3://bucket", endpoint=url),
                            {"access_key_id": "AK", "secret_access_key": SECRET})
        listed = list(inbox.list_files())
        inbox.list_files = lambda: iter(listed)  # type: ignore[method-assign]
        files.clear()
        done = collect_runs([inbox], tmp_path / "out", keys=KEYS)
    assert (done.taken, len(done.unreached), fetched) == (0, 1, [])


def test_what_is_larger_than_any_run_is_not_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("obstore")
    monkeypatch.setattr(remote_runs, "MOST_SEALED_BYTES", 100_000)
    files = sealed(tmp_path, "a")
    with object_store({**files, "sealed/x.age": bytes(100_001)}) as (url, fetched):
        inbox = ObjectInbox(UploadSettings(to="s3://bucket", endpoint=url),
                            {"access_key_id": "AK", "secret_access_key": SECRET})
        done = collect_runs([inbox], tmp_path / "out", keys=KEYS)
    assert (numbers(done), fetched) == ((1, 0, 1, 0), list(files))
