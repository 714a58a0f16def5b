"""An operator's sheet sets addresses of services and nothing else, whoever wrote it."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
import tomlkit
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from probe.cli.main import cli
from probe.config.consent import consent_language
from probe.config.consent.operator_sheet import (
    MAX_SHEET_BYTES,
    OperatorSheet,
    SheetFeed,
    SheetLists,
    answer_by_sheet,
    check_sheet,
    describe_sheet,
    make_link,
    read_sheet,
)
from probe.config.settings import Settings, SettingsError, UpdateSettings, UploadSettings, load_settings
from probe.core.languages import LanguageCode
from probe.core.tables.consent_words import TEXT_NUMBER
from probe.core.translation import speak
from probe.upkeep.commands.exit_codes import EXIT_NO_CONSENT

KEY = "RWQ" + "A" * 53
ISSUER = {"url": "https://probe.example.org/issuer", "keys": "0" * 64}
SHEET = OperatorSheet(
    format=1, operator="Example Lab", contact="incidents@example.org", reviewed="Board, 2026-11-20",
    date=date(2026, 11, 28), upload_to="https://volunteer:secret@probe.example.org/inbox",
    feeds=(SheetFeed(key=KEY, urls=("https://probe.example.org/feeds/de-1.json",)),),
    helpers=("https://probe.example.org/helper",),
    lists=SheetLists(key=KEY, url="https://probe.example.org/lists/list.json"))


def written(folder: Path, **changes: Any) -> Path:
    path = folder / "sheet.toml"
    path.write_text(tomlkit.dumps({**msgspec.to_builtins(SHEET, builtin_types=(date,)), **changes}))
    return path


def test_a_sheet_is_the_same_by_file_and_by_link(tmp_path: Path) -> None:
    link = make_link(SHEET, "probe.example.org")
    assert read_sheet(str(written(tmp_path))) == read_sheet(link) == SHEET
    assert len(link) < 2000, "a code of it must be readable by a telephone"


@pytest.mark.parametrize("hostile", [
    {"agree": TEXT_NUMBER}, {"level": 3}, {"tier": 3}, {"results": "/etc"}, {"country": "DE"},
    {"skip_services": []}, {"submit_to": "https://ooni.example"}, {"globalping": True}, {"ooni_helpers": True},
    {"upload": {"credentials": "/etc/shadow"}}, {"run": {"consent_level": 3}}, {"consent": {"level": 3}},
    {"feed": [{"key": KEY, "urls": ["/etc/passwd"]}]}, {"geo": ["none"]}, {"format": 2},
    {"contact": ""}, {"reviewed": ""}, {"contact": "a\x1b[2Jb"}, {"operator": "x\u202ey z"}, {"operator": "a\nb: c"},
    {"upload_to": "file:///home/me"}, {"upload_to": "s3://bucket/x"}, {"upload_to": "http://probe.example.org/in"},
    {"upload_to": "https://192.168.1.1/in"}, {"upload_to": "https://user:pw@10.0.0.1/in"},
    {"upload_to": "https://127.0.0.1/in"}, {"upload_to": "https://[::ffff:10.0.0.1]/in"}, {"upload_to": "https://"},
    {"helpers": ["https://a.example/\u202ex"]}, {"upload_to": "https://a.example/\x1b[2J"},
    {"lists": {"key": KEY, "url": "https://a.example/\u2068"}}, {"feeds": [{"key": KEY, "urls": ["https://a.example/\n"]}]},
    {"helpers": ["https://user:pw@probe.example.org/"]}, {"helpers": ["https://169.254.169.254/"]},
    {"helpers": ["https://a.example/"] * 5},
    {"feeds": [{"key": KEY, "urls": ["/etc/passwd"]}]}, {"feeds": [{"key": KEY, "urls": ["file:///etc/passwd"]}]},
    {"feeds": [{"key": "RWQ", "urls": ["https://probe.example.org/f"]}]}, {"feeds": [{"key": KEY, "urls": []}]},
    {"issuer": {"url": "https://other.example/issuer", "keys": "0" * 64}},
    {"issuer": {"url": "https://probe.example.org:8443/issuer", "keys": "0" * 64}},
    {"issuer": {"url": "https://probe.example.org/issuer", "keys": "0"}}, {"issuer": ISSUER, "upload_to": ""},
    {"issuer": ISSUER, "upload_to": "https://mine.example/in"},
    {"encrypt_to": "age1x"}, {"encrypt_to": "age1" + "q" * 58, "upload_to": ""},
    {"lists": {"key": KEY, "url": "/tmp/list.json"}}, {"lists": {"key": KEY, "url": "https://10.1.1.1/l"}},
])
def test_a_hostile_sheet_is_refused_whole(hostile: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        read_sheet(str(written(tmp_path, **hostile)))


@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_a_sheet_or_refused(raw: bytes) -> None:
    link = "https://x.example/join#" + base64.urlsafe_b64encode(raw).decode()
    with pytest.raises(SettingsError):
        read_sheet(link)


def test_what_is_too_large_or_no_file_is_refused(tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(b"#" * (MAX_SHEET_BYTES + 1))
    for source in (str(large), str(tmp_path), str(tmp_path / "none"), "a\x00b", "https://x.example/join"):
        with pytest.raises(SettingsError):
            read_sheet(source)


def test_a_sheet_takes_the_place_of_nothing_that_is_configured(tmp_path: Path) -> None:
    with_issuer = read_sheet(str(written(tmp_path, issuer=ISSUER)))
    assert answer_by_sheet(with_issuer, Settings()).issuer == (ISSUER["url"], ISSUER["keys"])
    for before in (Settings(upload=UploadSettings(to="https://mine.example/in")),
                   Settings(upload=UploadSettings(to=SHEET.upload_to, encrypt_to="age1" + "q" * 58)),
                   Settings(update=UpdateSettings(url="https://mine.example/list.json", key=KEY)),
                   Settings(upload=UploadSettings(to=SHEET.upload_to, issuer=f"{ISSUER['url']}2",
                                                  issuer_keys="1" * 64)),
                   Settings(update=UpdateSettings(key="RWZ" + "A" * 53))):
        with pytest.raises(SettingsError):
            answer_by_sheet(with_issuer, before)
    assert check_sheet(SHEET) == ""
    assert SHEET.lists
    same = Settings(upload=UploadSettings(to=SHEET.upload_to), update=UpdateSettings(url=SHEET.lists.url, key=KEY))
    assert answer_by_sheet(SHEET, same).helpers == SHEET.helpers


# ---- probe setup --from

@dataclass(frozen=True)
class Home:
    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "probe.toml"

    def setup(self, *arguments: str, say: str = "") -> Result:
        return CliRunner().invoke(cli, ["setup", "--config", str(self.config), "--results", str(self.folder / "r"),
                                        *arguments], input=say, catch_exceptions=False)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PROBE_CONFIG", raising=False)
    return Home(tmp_path)


def real_sheet(folder: Path) -> Path:
    """With a key that is one."""
    from probe_operate.lists.signing import make_key

    key = make_key(folder / "k").public.text
    return written(folder, feeds=[{"key": key, "urls": ["https://probe.example.org/feeds/de-1.json"]}],
                   lists={"key": key, "url": "https://probe.example.org/lists/list.json"})


def test_set_up_takes_the_addresses_of_a_sheet_and_asks_for_consent_as_ever(home: Home) -> None:
    sheet = str(real_sheet(home.folder))
    refused = home.setup("--from", sheet, say="n\n")
    assert (refused.exit_code, home.config.exists()) == (EXIT_NO_CONSENT, False)
    done = home.setup("--from", sheet, "--agree", str(TEXT_NUMBER), "--country", "DE")
    assert done.exit_code == 0, done.output
    made = load_settings(str(home.config))
    assert made.consent
    assert made.upload.to == SHEET.upload_to
    assert "secret" not in done.output
    assert made.update.url == "https://probe.example.org/lists/list.json"
    assert [one.url for one in made.helper] == list(SHEET.helpers)
    assert {"https://probe.example.org/inbox", made.update.url, *SHEET.helpers, *made.feed[0].urls} == set(
        made.consent.to)
    assert (made.run.consent_level, made.consent.level) == (1, 1)


def test_a_sheet_agrees_for_nobody(home: Home) -> None:
    sheet = str(real_sheet(home.folder))
    answers = home.folder / "answers.toml"
    answers.write_text('country = "DE"\n')
    assert home.setup("--from", sheet, "--answers", str(answers)).exit_code == EXIT_NO_CONSENT
    assert not home.config.exists()
    shown = home.setup("--from", sheet, "--show")
    assert (shown.exit_code, home.config.exists()) == (0, False)
    assert "https://probe.example.org/inbox" in shown.output


@pytest.mark.parametrize("code", ["ru", "fa", "zh_CN"])
def test_a_sheet_is_told_in_the_language_that_was_chosen_and_agrees_for_nobody_there(
        code: LanguageCode, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consent_language, "load_signatures", lambda: ())
    sheet = str(real_sheet(home.folder))
    monkeypatch.setenv("PROBE_LANG", code)
    with speak("en"):  # and again afterwards
        told = home.setup("--from", sheet, "--agree", str(TEXT_NUMBER), "--country", "DE")
    assert (told.exit_code, home.config.exists()) == (EXIT_NO_CONSENT, False)
    with speak(code):
        assert all(line in told.output for line in describe_sheet(read_sheet(sheet)))
    assert not set(describe_sheet(read_sheet(sheet))) & set(told.output.splitlines())
