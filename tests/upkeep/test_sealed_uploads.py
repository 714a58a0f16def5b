"""Uploads that only their recipient can read: what a place learns of them, and what the collector makes of them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

pyrage = pytest.importorskip("pyrage")

from probe.config.settings import Settings, SettingsError, UploadSettings, load_settings  # noqa: E402
from probe.core.tables.consent_words import TEXT_NUMBER  # noqa: E402
from probe.store.archive.sealed_runs import read_recipient, seal  # noqa: E402
from probe.store.files.atomic import StoreError  # noqa: E402
from probe.store.runs.run_reader import read_runs  # noqa: E402
from probe_operate.collect.sealed_files import read_identities, unseal  # noqa: E402
from upload_world import agreed, call, upload, with_runs  # noqa: E402

OURS, OTHERS = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
US = read_recipient(str(OURS.to_public()))
NAME = "k3APYpRtrpOq7bJM/archives/date=2017-05-04/r-a.tgz"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "project.key"
    path.write_text(f"# created: today\n# public key: {OURS.to_public()}\n{OURS}\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "place").mkdir()
    return tmp_path / "place"


def is_class(size: int) -> bool:
    """Whether it is a power of two and what the encryption adds, in which there is chance."""
    return any(0 <= size - (1 << n) < 2000 for n in range(16, 20))


def sent(tmp_path: Path, place: Path, names: str = "abc") -> list[Path]:
    """Runs that were uploaded, encrypted."""
    config = agreed(UploadSettings(to=f"file://{place}", encrypt_to=str(OURS.to_public())), tmp_path / "probe.toml")
    done = upload(config, with_runs(tmp_path / "results", names))
    assert done.exit_code == 0, done.output
    return sorted(path for path in place.rglob("*") if path.is_file())


def test_a_place_learns_a_class_of_size_and_nothing_else(tmp_path: Path, place: Path) -> None:
    files = sent(tmp_path, place)
    assert len(files) == 3
    assert {path.parent for path in files} == {place / "sealed"}
    assert all(re.fullmatch(r"[0-9a-f]{32}\.age", path.name) for path in files)
    assert all(is_class(path.stat().st_size) for path in files)
    for path in files:
        assert not any(word in path.read_bytes() for word in (b"date=2017", b"nameless", b"archives"))


def test_the_collector_reads_what_was_sent(tmp_path: Path, place: Path, key: Path) -> None:
    sent(tmp_path, place)
    done = call("collect", str(place), "-o", str(tmp_path / "all"), "--identity", str(key))
    assert done.exit_code == 0, done.output
    assert list(read_runs(tmp_path / "all")) == list(read_runs(tmp_path / "results"))
    assert sorted(path.name for path in place.iterdir()) == ["sealed"], "nothing is opened where others may read"


def test_without_the_key_it_is_said_that_something_waits(tmp_path: Path, place: Path) -> None:
    sent(tmp_path, place)
    done = call("collect", str(place), "-o", str(tmp_path / "all"))
    assert "3 encrypted" in done.output
    assert "--identity" in done.output


def test_what_was_changed_or_is_for_others_is_refused(tmp_path: Path, place: Path, key: Path) -> None:
    first, second, _ = sent(tmp_path, place)
    raw = bytearray(first.read_bytes())
    raw[len(raw) // 2] ^= 1
    first.write_bytes(raw)
    second.write_bytes(pyrage.encrypt(b"x", [OTHERS.to_public()]))
    (place / "sealed" / "link.age").symlink_to(first)
    done = call("collect", str(place), "-o", str(tmp_path / "all"), "--identity", str(key), "--json")
    assert done.output.count("cannot be opened") == 2
    assert len(list(read_runs(tmp_path / "all"))) == 1


def test_two_versions_of_a_run_are_both_seen(tmp_path: Path, place: Path, key: Path) -> None:
    sent(tmp_path, place, "a")
    tables = next((tmp_path / "results" / "verdicts").rglob("*.csv"))
    tables.write_text(tables.read_text().replace(",ok,", ",,"))
    shutil.rmtree(tmp_path / "results" / "upload")
    sent(tmp_path, place, "")
    done = call("collect", str(place), "-o", str(tmp_path / "all"), "--identity", str(key), "--json")
    assert '"conflicts": {"r-a"' in done.output


def test_a_run_that_is_sent_twice_has_one_name() -> None:
    (first, one), (second, two) = seal(NAME, b"x", US), seal(NAME, b"x", US)
    assert first == second
    assert one != two


@given(st.integers(0, 300_000).map(bytes) | st.binary(max_size=2000))
def test_what_is_sealed_is_opened(archive: bytes) -> None:
    _, content = seal(NAME, archive, US)
    assert unseal(content, [OTHERS, OURS]) == (NAME, archive)
    assert is_class(len(content))


@pytest.mark.parametrize("name", [
    "../x/archives/date=2017-05-04/r.tgz", "a/archives/date=2017-05-04/../r.tgz", "a/b.tgz",
    "/a/archives/date=2017-05-04/r.tgz", "a/archives/date=2017-05-04/r.tgz\nx", ""])
def test_no_name_chooses_where_a_file_goes(name: str) -> None:
    with pytest.raises(StoreError):
        unseal(seal(name, b"x", US)[1], [OURS])


@given(st.binary(max_size=200))
def test_any_bytes_for_us_are_a_run_or_refused(raw: bytes) -> None:
    with pytest.raises(StoreError):
        unseal(pyrage.encrypt(raw, [US]), [OURS])
    with pytest.raises(StoreError):
        unseal(raw, [OURS])


@pytest.mark.parametrize("text", ["", "# nothing\n", "AGE-SECRET-KEY-1XYZ\n", "\0"])
def test_a_key_file_that_holds_none_is_told_without_its_text(tmp_path: Path, text: str) -> None:
    path = tmp_path / "k"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(SettingsError) as told:
        read_identities(path)
    assert "XYZ" not in str(told.value)
    path.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        read_identities(path)


def test_a_recipient_is_set_up_and_checked(tmp_path: Path) -> None:
    config = tmp_path / "probe.toml"
    base = ("setup", "--config", str(config), "--agree", str(TEXT_NUMBER), "--country", "DE", "--upload-to", f"file://{tmp_path}")
    assert call(*base, "--encrypt-to", "age1short").exit_code != 0
    done = call(*base, "--encrypt-to", str(OURS.to_public()))
    assert done.exit_code == 0, done.output
    assert load_settings(str(config)).upload.encrypt_to == str(OURS.to_public())
    assert call(*base, "--encrypt-to", "none").exit_code == 0
    assert load_settings(str(config)).upload == UploadSettings(to=f"file://{tmp_path}")
    assert Settings().upload.encrypt_to == ""
