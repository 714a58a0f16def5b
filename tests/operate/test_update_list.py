"""Signed lists: what a document may say, what it asks of runs, which may follow which, and how the last one is kept."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.config.settings import RunSettings, Settings, UpdateSettings, VantageSettings
from probe.store.files.atomic import StoreError
from probe.upkeep.updates import kept_list
from probe.upkeep.updates.catalogue_choice import choose_catalogue, read_list_state
from probe.upkeep.updates.kept_list import keep_list, read_kept_list, read_looks, write_looks
from probe.upkeep.updates.list_document import (
    CountryPolicy,
    ListError,
    ListNumbers,
    check_follows,
    load_listed_catalogue,
    read_document,
)
from probe.upkeep.updates.list_limits import MAX_AGE_DAYS, choose_limits
from probe.upkeep.updates.list_refresh import choose_key, is_list_due, refresh_list
from probe.upkeep.updates.minisign import parse_public_key
from probe.upkeep.updates.signed_file import LookState, SignedFile
from probe_operate.lists.list_making import read_policies, write_document
from signed import DAY, OTHERS, OURS, document, put, targets

KEY = parse_public_key(OURS.public_line)
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
TODAY = NOW.date()


def refused(raw: bytes) -> str:
    try:
        load_listed_catalogue(read_document(raw))
    except ListError as error:
        return str(error)
    return ""


# ---- the document

def test_a_good_one_is_read() -> None:
    found = read_document(document(policy={"RU": {"max_level": 1, "pace_s": 3}, "*": {"max_tier": 2}}))
    assert (found.serial, found.date, found.name) == (7, DAY, "signed list 7 of 2026-11-20")
    assert found.policy == {"RU": CountryPolicy(max_level=1, pace_s=3.0), "*": CountryPolicy(max_tier=2)}
    catalogue = load_listed_catalogue(found)
    assert catalogue.path == found.name
    assert [e.input for e in catalogue.endpoints if e.role != "control"] == ["https://telegram.org/"]
    assert any(e.role == "control" for e in catalogue.endpoints), "no run can be judged without"


@pytest.mark.parametrize(("others", "why"), [
    ({"format": 2}, "format 2"), ({"format": "x"}, "no list"), ({"serial": 0}, "serial"),
    ({"serial": 2**60}, "serial"), ({"serial": 1.5}, "serial"), ({"date": "yesterday"}, "date"),
    ({"policy": {"ru": {}}}, "policy"), ({"policy": {"RU\n": {}}}, "policy"), ({"policy": []}, "policy"),
    ({"policy": {"RU": 1}}, "policy"),
    ({"policy": {"RU": {"max_level": 4}}}, "max_level"), ({"policy": {"RU": {"max_level": 0}}}, "max_level"),
    ({"policy": {"RU": {"pace_s": 1e9}}}, "pace_s"), ({"policy": {"RU": {"pause": "x" * 301}}}, "pause"),
    ({"policy": {f"{a}{b}": {} for a in "ABCDEFGHIJKLMNOPQRST" for b in "ABCDEFGHIJKLMNOPQRST"}}, "policy"),
    ({"targets": ""}, "targets"), ({"targets": "https://a.example/\n"}, "bare list"),
    ({"targets": "a,b\n1,2\n"}, "targets"),
    ({"targets": targets({"tier": "9"})}, "tier"), ({"targets": targets({}, {})}, "already"),
])
def test_a_bad_one_is_refused_in_words(others: dict[str, Any], why: str) -> None:
    assert why in refused(document(**others))


@pytest.mark.parametrize("raw", [
    b"", b"[]", b"null", b"[" * 100_000, b'{"a":' * 100_000, b"\xff", b'{"format":1}',
    document()[:-1], document() + b"x", b'{"format":' + b"9" * 5000 + b"}",
    document().replace(b"telegram.web", b"\\ud800telegram.web"),
])
def test_hostile_bytes_are_refused_in_words(raw: bytes) -> None:
    assert refused(raw)


@given(st.binary(max_size=200) | st.builds(
    lambda place, tail: document()[:place] + tail, st.integers(0, 400), st.binary(max_size=20)))
def test_any_bytes_are_refused_or_read_and_nothing_else(raw: bytes) -> None:
    refused(raw)


@given(serial=st.integers(1, 2**53), day=st.dates(), policy=st.dictionaries(
    st.sampled_from(("RU", "IR", "ZZ", "*")), st.builds(
        CountryPolicy, pause=st.text(st.characters(codec="utf-8"), max_size=300), max_level=st.integers(1, 3),
        max_tier=st.integers(0, 3), pace_s=st.floats(0, 60))))
def test_what_is_written_is_read(serial: int, day: date, policy: dict[str, CountryPolicy]) -> None:
    found = read_document(write_document(serial=serial, date=day, targets=targets(), policy=policy))
    assert (found.serial, found.date, found.policy, found.targets) == (serial, day, policy, targets())


def test_the_writer_refuses_what_the_reader_would() -> None:
    for bad in ({"serial": 0}, {"policy": {"xx": CountryPolicy()}}, {"policy": {"XX": CountryPolicy(max_level=9)}}):
        with pytest.raises(ListError):
            write_document(**{"serial": 1, "date": DAY, "targets": targets(), "policy": {}, **bad})  # type: ignore[arg-type]
    asked = read_policies(b'["*"]\nmax_level = 2\n[RU]\npause = "why"\n')
    assert asked == {"*": CountryPolicy(max_level=2), "RU": CountryPolicy(pause="why")}
    with pytest.raises(ListError, match="paws"):
        read_policies(b'[RU]\npaws = "why"\n')


# ---- what is asked

def test_the_strictest_of_all_and_of_the_country_holds() -> None:
    policy = {"*": CountryPolicy(max_level=2, pace_s=1.0), "RU": CountryPolicy(max_tier=1, pace_s=3.0),
              "IR": CountryPolicy(pause="raids")}
    russia = choose_limits(policy, "ru")
    assert (russia.max_level, russia.max_tier, russia.pace_s, russia.pause) == (2, 1, 3.0, "")
    assert choose_limits(policy, "IR").pause == "raids"
    assert (choose_limits(policy, "ZZ").max_level, choose_limits(policy, "ZZ").max_tier) == (2, 3)
    assert choose_limits({}, "DE").words == ""
    assert "raids" in choose_limits(policy, "IR").words


def test_an_old_list_allows_the_core_alone_and_keeps_its_pauses() -> None:
    old = choose_limits({"IR": CountryPolicy(pause="raids", max_tier=0)}, "IR", old=True)
    assert (old.pause, old.max_level, old.max_tier) == ("raids", 1, 0)
    assert choose_limits({}, "DE", old=True).max_tier == 1


# ---- which may follow which

LAST = ListNumbers(serial=7, date=DAY, sha256="a")


@pytest.mark.parametrize(("new", "why"), [
    (ListNumbers(serial=8, date=DAY, sha256="b"), ""), (LAST, ""),
    (ListNumbers(serial=900, date=TODAY, sha256="b"), ""),
    (ListNumbers(serial=8, date=TODAY + timedelta(days=1), sha256="b"), ""),
    (ListNumbers(serial=6, date=TODAY, sha256="b"), "lower than 7"),
    (ListNumbers(serial=7, date=DAY, sha256="b"), "something else"),
    (ListNumbers(serial=8, date=DAY - timedelta(days=1), sha256="b"), "before"),
    (ListNumbers(serial=8, date=TODAY + timedelta(days=2), sha256="b"), "future"),
])
def test_nobody_goes_back(new: ListNumbers, why: str) -> None:
    if not why:
        check_follows(new, LAST, today=TODAY)
        return
    with pytest.raises(ListError, match=why):
        check_follows(new, LAST, today=TODAY)


def test_the_first_list_needs_only_a_date_that_can_be() -> None:
    check_follows(ListNumbers(serial=1, date=date(2020, 1, 1), sha256="b"), None, today=TODAY)
    with pytest.raises(ListError, match="clock"):
        check_follows(ListNumbers(serial=1, date=date(2030, 1, 1), sha256="b"), None, today=TODAY)


# ---- kept

def fetched(raw: bytes, signer: Any = OURS) -> SignedFile:
    return SignedFile(document=raw, signature=signer.sign(raw))


def test_the_last_good_one_is_kept_for_this_user_alone(tmp_path: Path) -> None:
    home = tmp_path / "state"
    assert read_kept_list(KEY, home) is None
    keep_list(fetched(document(7)), KEY, today=TODAY, folder=home)
    keep_list(fetched(document(8)), KEY, today=TODAY, folder=home)
    found = read_kept_list(KEY, home)
    assert found
    assert (found.document.serial, found.comment, found.key) == (8, "list", KEY)
    assert {path.name: path.stat().st_mode & 0o777 for path in home.iterdir()} == {kept_list.LIST: 0o600}
    with pytest.raises(ListError, match="lower than 8"):
        keep_list(fetched(document(7)), KEY, today=TODAY, folder=home)
    with pytest.raises(ListError, match="not by"):
        keep_list(fetched(document(9), OTHERS), KEY, today=TODAY, folder=home)
    assert read_kept_list(None, home) == found


@given(data=st.data())
def test_no_byte_of_the_kept_file_can_be_changed(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    home = tmp_path_factory.getbasetemp() / "altered"
    keep_list(fetched(document(7)), KEY, today=TODAY, folder=home)
    whole = (home / kept_list.LIST).read_bytes()
    remark = range(whole.index(b"\n") + 1 + len(b"untrusted comment:"), whole.index(b"whatever") + len(b"whatever"))
    place = data.draw(st.integers(0, len(whole) - 1).filter(lambda n: n not in remark))
    cut = data.draw(st.booleans())
    altered = whole[:place] if cut else whole[:place] + bytes([whole[place] ^ data.draw(st.integers(1, 255))]) + whole[
        place + 1:]
    (home / kept_list.LIST).write_bytes(altered)
    with pytest.raises(ListError):
        read_kept_list(KEY, home)
    keep_list(fetched(document(7)), KEY, today=TODAY, folder=home)
    assert read_kept_list(KEY, home), "what is damaged is replaced"


def test_another_key_in_the_configuration_is_another_authority(tmp_path: Path) -> None:
    keep_list(fetched(document(7)), KEY, today=TODAY, folder=tmp_path)
    theirs = parse_public_key(OTHERS.public_line)
    with pytest.raises(ListError, match=r"update\.key is 0909"):
        read_kept_list(theirs, tmp_path)
    keep_list(fetched(document(3), OTHERS), theirs, today=TODAY, folder=tmp_path)
    found = read_kept_list(theirs, tmp_path)
    assert found
    assert found.document.serial == 3


_REPLACER = """
import sys, itertools
from datetime import date
from pathlib import Path
sys.path.insert(0, "tests/helpers")
from signed import OURS, document, targets
from probe.upkeep.updates.kept_list import keep_list
from probe.upkeep.updates.signed_file import SignedFile
from probe.upkeep.updates.minisign import parse_public_key
key, home = parse_public_key(OURS.public_line), Path(sys.argv[1])
big = targets(*({"input": f"https://h{n}.example/", "target_id": f"telegram.web.h{n}"} for n in range(300)))
for serial in itertools.count(int(sys.argv[2])):
    raw = document(serial, targets=big)
    keep_list(SignedFile(document=raw, signature=OURS.sign(raw)), key, today=date(2026, 11, 25), folder=home)
    print(serial, flush=True)
"""


def test_a_killed_replacement_leaves_a_whole_list(tmp_path: Path, root: Path) -> None:
    serial = 1
    for _ in range(4):
        process = subprocess.Popen([sys.executable, "-c", _REPLACER, str(tmp_path), str(serial)], cwd=root, text=True,
                                   stdout=subprocess.PIPE)
        assert process.stdout
        for _ in range(3):
            serial = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        process.stdout.read()
        process.wait()
        found = read_kept_list(KEY, tmp_path)
        assert found
        assert found.document.serial >= serial, "what was said to be kept is"
        serial = found.document.serial + 1


def test_a_write_that_fails_leaves_the_last_good_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_list(fetched(document(7)), KEY, today=TODAY, folder=tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for step in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(f"probe.store.files.atomic.os.{step}", full)
            with pytest.raises(StoreError, match="disk is full"):
                keep_list(fetched(document(8)), KEY, today=TODAY, folder=tmp_path)
        found = read_kept_list(KEY, tmp_path)
        assert found
        assert found.document.serial == 7
    assert not list(tmp_path.glob(".*")), "nothing lies about"


# ---- when to look

def test_one_looks_once_a_day_and_when_the_clock_was_set_back(tmp_path: Path) -> None:
    named = Settings(update=UpdateSettings(url="https://l.example/list.json", key=OURS.public_line))
    assert not is_list_due(Settings(), now=NOW, folder=tmp_path)
    assert is_list_due(named, now=NOW, folder=tmp_path)
    write_looks(LookState(at=NOW, failed="why"), tmp_path)
    assert read_looks(tmp_path) == LookState(at=NOW, failed="why")
    for hours, due in ((0, False), (23, False), (24, True), (-1, True)):
        assert is_list_due(named, now=NOW + timedelta(hours=hours), folder=tmp_path) is due
    (tmp_path / kept_list.LOOKS).write_bytes(b"{torn")
    assert is_list_due(named, now=NOW, folder=tmp_path)


def test_a_look_is_remembered_before_it_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object, **__: object) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr("probe.upkeep.updates.list_refresh.fetch_signature_by", killed)
    with pytest.raises(KeyboardInterrupt):
        refresh_list("https://l.example/list.json", KEY, now=NOW, folder=tmp_path)
    assert read_looks(tmp_path).at == NOW
    assert "broken off" in read_looks(tmp_path).failed


def test_whose_key_decides(tmp_path: Path) -> None:
    theirs = parse_public_key(OTHERS.public_line)
    with pytest.raises(ListError, match="no official list"):
        choose_key(Settings(), None, tmp_path)
    assert choose_key(Settings(), theirs, tmp_path) == theirs
    ours = Settings(update=UpdateSettings(key=OURS.public_file))
    assert choose_key(ours, None, tmp_path) == choose_key(ours, KEY, tmp_path) == KEY
    with pytest.raises(ListError, match="configuration"):
        choose_key(ours, theirs, tmp_path)
    keep_list(fetched(document()), KEY, today=TODAY, folder=tmp_path)
    assert choose_key(Settings(), None, tmp_path) == KEY
    with pytest.raises(ListError, match="which is here"):
        choose_key(Settings(), theirs, tmp_path)
    with pytest.raises(ListError, match=r"update\.key: "):
        choose_key(Settings(update=UpdateSettings(key="RWnonsense")), None, tmp_path)


# ---- what a run uses

WANTED = Settings(update=UpdateSettings(key=OURS.public_line), vantage=VantageSettings(cc="RU"))


def test_without_any_list_all_is_as_before(in_folder: Path) -> None:
    assert read_list_state(Settings(), now=NOW, folder=in_folder) == read_list_state(Settings(), now=NOW)
    here = choose_catalogue(Settings(), None, now=NOW, folder=in_folder)
    assert not here.standing.wanted
    assert here.catalogue.path.endswith("targets.csv")


def test_the_order_of_catalogues(in_folder: Path) -> None:
    state = in_folder / "state"
    keep_list(fetched(document(policy={"RU": {"pause": "raids"}})), KEY, today=TODAY, folder=state)

    def path(settings: Settings = WANTED, named: str | None = None) -> str:
        found = choose_catalogue(settings, named, now=NOW, folder=state)
        assert found.standing.limits.pause == "raids", "what is asked holds for every catalogue"
        return found.catalogue.path

    assert path() == "signed list 7 of 2026-11-20"
    Path("targets.csv").write_text(targets())
    Path("mine.csv").write_text(targets())
    Path("given.csv").write_text(targets())
    assert path() == str(in_folder / "targets.csv")
    assert path(msgspec.structs.replace(WANTED, run=RunSettings(catalogue="mine.csv"))) == "mine.csv"
    assert path(msgspec.structs.replace(WANTED, run=RunSettings(catalogue="mine.csv")), "given.csv") == "given.csv"


@pytest.mark.parametrize(("age", "old"), [(MAX_AGE_DAYS, False), (MAX_AGE_DAYS + 1, True)])
def test_an_old_list_is_told_and_still_used(in_folder: Path, age: int, old: bool) -> None:
    keep_list(fetched(document()), KEY, today=TODAY, folder=in_folder)
    found = choose_catalogue(WANTED, None, now=datetime(2026, 11, 20, 1, tzinfo=UTC) + timedelta(days=age),
                             folder=in_folder)
    assert found.catalogue.path == "signed list 7 of 2026-11-20"
    assert (f"{age} days old" in found.standing.trouble) == old
    assert found.standing.limits.max_tier == (1 if old else 3)


@pytest.mark.parametrize("spoil", ["absent", "torn", "other key", "too new"])
def test_where_a_list_should_be_and_is_none_the_core_alone_is_measured(in_folder: Path, spoil: str) -> None:
    raw = document(targets=targets().replace("telegram.org", "x")) if spoil == "too new" else document()
    signer = OTHERS if spoil == "other key" else OURS
    if spoil != "absent":
        keep_list(fetched(raw, signer), parse_public_key(signer.public_line), today=TODAY, folder=in_folder)
    if spoil == "torn":
        (in_folder / kept_list.LIST).write_bytes((in_folder / kept_list.LIST).read_bytes()[:-100])
    found = choose_catalogue(WANTED, None, now=NOW, folder=in_folder)
    assert found.catalogue.path.endswith("targets.csv")
    assert found.standing.trouble
    assert (found.standing.limits.max_level, found.standing.limits.max_tier) == (1, 1)


def test_a_local_list_is_looked_at_and_kept(tmp_path: Path) -> None:
    source = put(tmp_path, document())
    for name in (str(source), f"file://{source}"):
        assert refresh_list(name, KEY, now=NOW, folder=tmp_path / "state").document.serial == 7
    assert read_looks(tmp_path / "state") == LookState(at=NOW, source=f"file://{source}")
    put(tmp_path, document(8), signer=OTHERS)
    with pytest.raises(ListError):
        refresh_list(str(source), KEY, now=NOW, folder=tmp_path / "state")
    assert read_looks(tmp_path / "state").failed
    found = read_kept_list(KEY, tmp_path / "state")
    assert found
    assert found.document.serial == 7
    assert json.loads((tmp_path / "state" / kept_list.LOOKS).read_bytes())["source"] == f"file://{source}"
