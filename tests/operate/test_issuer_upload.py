"""From one command to the other: a volunteer uploads to a real web server, and the collector knows a name's age."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import pytest

from issuer_world import Volunteer, issuing
from probe.config.settings import UploadSettings
from probe.core.tables.name_ages import ESTABLISHED_DAYS
from probe.store.archive.forgetting import find_kept
from probe.store.archive.proof_names import find_proof_month
from probe.store.archive.vouched_names import PROVEN_FILE, read_record
from probe.store.signing.age_proofs import add_months
from probe.upkeep.upload.age_renewal import KEYS_FILE
from probe.upkeep.upload.age_wallet import WALLET_FILE
from probe_operate.collect.collecting import collect_runs
from probe_operate.collect.remote_runs import InboxError, RemoteFile
from upload_world import NGINX, agreed, call, nginx, no_proxies, upload

PROXY = "} location /issuer/ { proxy_pass http://127.0.0.1:%s/;"


class ListedInbox:
    """A folder as a server lists it; of files that are `torn` nothing can be fetched."""

    place = "https://inbox.example"
    unlisted: tuple[str, ...] = ()

    def __init__(self, folder: Path, *, torn: bool = False) -> None:
        self._folder, self._torn, self.fetched = folder, torn, list[str]()

    def list_files(self) -> Iterator[RemoteFile]:
        for path in self._folder.rglob("*"):
            if path.is_file():
                name = path.relative_to(self._folder).as_posix()
                yield RemoteFile(name=name, bytes=path.stat().st_size, tag="1")

    def fetch(self, name: str, into: BinaryIO, *, most: int) -> int:
        self.fetched.append(name)
        content = (self._folder / name).read_bytes()
        if self._torn or len(content) > most:
            raise InboxError("torn")
        return into.write(content)


@pytest.mark.skipif(not NGINX, reason="no nginx here")
@pytest.mark.parametrize("sealed", [False, True])
def test_from_the_first_upload_to_the_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sealed: bool) -> None:
    identity, recipient = [], ""
    if sealed:
        key = pytest.importorskip("pyrage").x25519.Identity.generate()
        (tmp_path / "age.key").write_text(str(key))
        (tmp_path / "age.key").chmod(0o600)
        identity, recipient = ["--identity", str(tmp_path / "age.key")], str(key.to_public())
    no_proxies(monkeypatch)
    now = datetime.now(UTC)
    first = add_months(f"{now:%Y-%m}", -3)
    with issuing(tmp_path / "world", tmp_path, first=first) as world:
        port = world.url.rpartition(":")[2]
        with nginx(tmp_path / "nginx", more=PROXY % port) as (url, inbox):
            config = agreed(UploadSettings(to=url, issuer=f"{url}/issuer", issuer_keys=world.digest,
                                           encrypt_to=recipient), tmp_path / "probe.toml")
            volunteer = Volunteer(world=world, name="a")
            monkeypatch.setenv("XDG_STATE_HOME", str(volunteer.state.parent))
            world.clock.go(int(first[:4]), int(first[5:]))
            volunteer.renew()
            world.clock.now = now
            volunteer.measure()
            for _ in range(2):
                done = upload(config, volunteer.results, "--json")
                assert done.exit_code == 0, done.output
            out, public = tmp_path / "out", tmp_path / "keys.json"
            public.write_bytes(world.issuer.public)
            told = call("collect", str(inbox), "-o", str(out), "--issuer-keys", str(public), "--json", *identity)
            assert sorted(path.name for path in inbox.iterdir()) == (
                ["sealed"] if sealed else sorted([volunteer.key_name, "proofs"]))
    found = json.loads(told.output)
    assert (found["taken"], found["refused"]) == (1, [])
    assert found["proofs"] == {"new": 1, "known": 0, "worthless": {}}
    [(key, record)] = read_record(out / PROVEN_FILE).items()
    assert key == (volunteer.key_name, 64500)
    assert (now.date() - record.since).days in (ESTABLISHED_DAYS, ESTABLISHED_DAYS - 1)


def test_an_inbox_that_is_listed_has_its_proofs_too(tmp_path: Path) -> None:
    with issuing(tmp_path / "world", tmp_path) as world:
        volunteer = Volunteer(world=world, name="a")
        volunteer.renew()
        world.clock.go(2026, 12)
        volunteer.measure()
        volunteer.renew()
        [path] = world.proofs()
        for month in ("2026-07", "2027-01"):
            path.with_name(f"{month}{path.name[7:]}").write_bytes(path.read_bytes())
        (world.inbox / "proofs" / ("2026-12-" + "0" * 24 + ".json")).write_bytes(b"x" * 3000)
        today = world.clock.now.date()
        counts = []
        for torn in (True, False):
            inbox = ListedInbox(world.inbox, torn=torn)
            done = collect_runs([inbox], tmp_path / "out", today=today, issuer=world.keys)
            assert done.proofs
            counts.append((done.proofs.new, sum(done.proofs.worthless.values()), len(inbox.fetched)))
        unasked = ListedInbox(world.inbox)
        done = collect_runs([unasked], tmp_path / "other", today=today)
    assert counts == [(0, 0, 2), (1, 0, 2)]
    assert (done.proofs, unasked.fetched) == (None, [])


def test_a_scheduled_run_may_write_what_proves_its_age(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.cli.install.explain_refusal", lambda *_, **__: "")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    place = UploadSettings(to="https://a.example/inbox", issuer="https://a.example/issuer", issuer_keys="0" * 64)
    shown = []
    for upload_to in (place, UploadSettings(to=place.to)):
        config = agreed(upload_to, tmp_path / "probe.toml")
        done = call("install", "systemd", "--print", "--config", str(config))
        assert done.exit_code == 0, done.output
        shown.append(f"-{tmp_path / 'state' / 'probe'}" in done.output)
    assert shown == [True, False]


def test_what_proves_an_age_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "world" / "a" / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with issuing(tmp_path / "world", tmp_path) as world:
        volunteer = Volunteer(world=world, name="a")
        volunteer.renew()
    assert {path.name for path in volunteer.state.iterdir()} == {path.name for path in find_kept(tmp_path).state}
    assert {WALLET_FILE, KEYS_FILE} <= {path.name for path in find_kept(tmp_path).state}


@pytest.mark.parametrize(("path", "month"), [
    ("proofs/2026-12-" + "0" * 24 + ".json", "2026-12"), ("proofs/2026-12-" + "0" * 23 + ".json", ""),
    ("proofs/../2026-12-" + "0" * 24 + ".json", ""), ("a/2026-12-" + "0" * 24 + ".json", ""),
    ("proofs/2026-12-" + "0" * 24 + ".json\n", ""), ("proofs", "")])
def test_paths_of_proofs(path: str, month: str) -> None:
    assert find_proof_month(path.split("/")) == month


