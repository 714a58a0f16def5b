"""Configuration: each mistake is named with its file and key; and the laboratory's marker, which only a mount makes."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from probe.catalogue.laboratory_marker import MARKER, Marker, read_marker
from probe.config.settings import RunSettings, Settings, SettingsError, choose_results_folder, load_settings
from probe.instruments.device.vantage import make_probe_id

WHOLE = """
[vantage]
cc = "RU"
asn = 64500

[run]
tier = 2
skip_services = ["a", "b"]

[[matrix_server]]
address = "192.0.2.7"
operator = "ours"
agreed = "2026-01-31"

[[helper]]
id = "a"
url = "https://helper.example/"
cc = "NL"
"""


@pytest.fixture(autouse=True)
def _no_other_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PROBE_CONFIG", raising=False)
    monkeypatch.setattr("probe.config.settings.SEARCH_PATHS", ("$XDG_CONFIG_HOME/probe/probe.toml",))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def written(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


def test_without_a_file_the_defaults_hold() -> None:
    assert load_settings() == Settings()


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    found = load_settings(written(tmp_path / "probe.toml", WHOLE))
    assert (found.vantage.cc, found.run.tier, found.run.skip_services) == ("RU", 2, ("a", "b"))
    assert [h.id for h in found.helper] == ["a"]
    assert [(s.address, s.port, s.agreed) for s in found.matrix_server] == [("192.0.2.7", 443, "2026-01-31")]
    assert found.path == str(tmp_path / "probe.toml")


def test_the_flag_comes_before_the_variable_and_that_before_the_usual_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    usual = written(tmp_path / "config" / "probe" / "probe.toml", "[run]\ntier = 1")
    variable = written(tmp_path / "variable.toml", "[run]\ntier = 2")
    flag = written(tmp_path / "flag.toml", "[run]\ntier = 3")
    assert load_settings().path == usual
    monkeypatch.setenv("PROBE_CONFIG", variable)
    assert load_settings().path == variable
    assert load_settings(flag).path == flag


@pytest.mark.parametrize(("text", "told"), [
    pytest.param("[run]\ntire = 1", "tire", id="unknown key"),
    pytest.param("[running]\ntier = 1", "running", id="unknown table"),
    pytest.param("[run]\ntier = 'one'", "$.run.tier", id="wrong type"),
    pytest.param("[run]\nskip_services = 'a'", "$.run.skip_services", id="no list"),
    pytest.param("[[helper]]\nid = 'a'", "url", id="a key is missing"),
    pytest.param("[[helper]]\nid = 'a'\nurl = 'u'\nasn = 'AS1'", "$.helper[0].asn", id="wrong type in a list"),
    pytest.param("[[matrix_server]]\naddress = 'a.example'\noperator = 'o'\nagreed = '2026-01-01'", "a.example",
                 id="a name for an address"),
    pytest.param("[[matrix_server]]\naddress = '192.0.2.1'\noperator = 'o'\nagreed = 'yes'", "yes", id="no date"),
    pytest.param("[[matrix_server]]\naddress = '192.0.2.1'\noperator = 'o'", "agreed", id="nobody agreed"),
    pytest.param("[[matrix_server]]\naddress = '192.0.2.1'\nport = 0\noperator = 'o'\nagreed = '2026-01-01'", "port",
                 id="no port"),
    pytest.param("[run\ntier = 1", "is no TOML", id="no TOML"),
    pytest.param("tier", "is no TOML", id="no TOML at all"),
])
def test_a_mistake_is_named_with_its_file_and_key(tmp_path: Path, text: str, told: str) -> None:
    file = written(tmp_path / "probe.toml", text)
    with pytest.raises(SettingsError) as caught:
        load_settings(file)
    assert str(caught.value).startswith(f"{file}: ")
    assert told in str(caught.value)


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"absent\.toml: "):
        load_settings(str(tmp_path / "absent.toml"))


def test_a_folder_and_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(str(tmp_path))
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\0")
    with pytest.raises(SettingsError, match=r"bytes\.toml: "):
        load_settings(str(tmp_path / "bytes.toml"))


# ---- the marker

def mountinfo(path: Path, *points: Path) -> Path:
    """A file like /proc/self/mountinfo (proc(5)) with these mount points."""
    lines = [f"{20 + n} 1 0:{n} / {point} rw,relatime - tmpfs tmpfs rw" for n, point in enumerate(points)]
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


@pytest.mark.parametrize(("text", "mounted", "lab"), [
    ('{"lab": true}', True, True), ('{"lab": true}', False, False), ("", True, False), ('{"lab": false}', True, False),
    ('{"lab": 1}', True, False), ("[]", True, False), ("{", True, False), ('"lab"', True, False),
])
def test_the_marker_counts_only_when_it_is_mounted(tmp_path: Path, text: str, mounted: bool, lab: bool) -> None:
    marker = tmp_path / "laboratory.json"
    marker.write_text(text)
    mounts = mountinfo(tmp_path / "mountinfo", Path("/"), Path("/proc"), *((marker,) if mounted else ()))
    assert read_marker(marker, mounts) == Marker(lab=lab)


def test_a_plain_file_in_the_markers_place_is_not_believed(tmp_path: Path) -> None:
    marker = tmp_path / "laboratory.json"
    marker.write_text('{"lab": true}')
    assert read_marker(marker) == Marker()


def test_nothing_to_read_is_the_plain_world(tmp_path: Path) -> None:
    assert read_marker(tmp_path / "none") == Marker()
    marker = tmp_path / "laboratory.json"
    marker.write_text('{"lab": true}')
    assert read_marker(marker, tmp_path / "no mountinfo") == Marker()


def test_the_packaged_marker_is_empty() -> None:
    assert MARKER.is_file()
    assert not MARKER.read_text().strip()


# ---- identity

def test_an_identity_lasts_a_month_and_its_key_is_private(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    november = make_probe_id("2026-11", folder=folder)
    assert november == make_probe_id("2026-11", folder=folder)
    assert november != make_probe_id("2026-12", folder=folder)
    assert november != make_probe_id("2026-11", folder=tmp_path / "elsewhere")
    assert stat.S_IMODE((folder / "identity.key").stat().st_mode) == 0o600


def test_a_spoiled_key_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "identity.key").write_bytes(b"short")
    first = make_probe_id("2026-11", folder=tmp_path)
    assert first == make_probe_id("2026-11", folder=tmp_path)
    assert len((tmp_path / "identity.key").read_bytes()) == 32


def test_the_results_folder_may_be_named_from_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    settings = Settings(run=RunSettings(results="~/probe-results"))
    assert choose_results_folder(settings) == Path("/home/me/probe-results")
    assert choose_results_folder(settings, Path("~/elsewhere")) == Path("/home/me/elsewhere")
    assert choose_results_folder(Settings(), Path("here")) == Path("here")
