"""Lists for newer programs, and targets that some try first: no pause waits, and the draw is by lot."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.config.month_key import read_month_key
from probe.config.settings import Settings, UpdateSettings, VantageSettings
from probe.upkeep.updates.catalogue_choice import choose_catalogue
from probe.upkeep.updates.kept_list import keep_list, read_looks
from probe.upkeep.updates.list_document import (
    CountryPolicy,
    StagedTargets,
    UnusableTargetsError,
    load_listed_catalogue,
    load_staged_catalogue,
    read_document,
)
from probe.upkeep.updates.list_refresh import refresh_list
from probe.upkeep.updates.minisign import parse_public_key
from probe.upkeep.updates.signed_file import SignedFile
from probe.upkeep.updates.stage_draw import is_drawn
from probe_operate.lists.list_making import write_document
from signed import DAY, OURS, document, put, targets

KEY = parse_public_key(OURS.public_line)
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
TODAY = NOW.date()
WANTED = Settings(update=UpdateSettings(key=OURS.public_line), vantage=VantageSettings(cc="RU"))


def fetched(raw: bytes) -> SignedFile:
    return SignedFile(document=raw, signature=OURS.sign(raw))


# ---- lists of newer programs

def test_what_only_newer_programs_know_makes_runs_more_careful_and_hides_no_pause() -> None:
    found = read_document(document(surplus={"a": 1}, policy={
        "RU": {"pause": "raids", "newer": 1}, "IR": {"max_tier": 0, "newer": []}, "DE": {"max_level": 2}}))
    assert found.policy == {"RU": CountryPolicy(pause="raids", max_level=1, max_tier=1),
                            "IR": CountryPolicy(max_level=1, max_tier=0), "DE": CountryPolicy(max_level=2)}


def test_a_pause_holds_where_the_targets_beside_it_are_for_a_newer_program(in_folder: Path) -> None:
    source = put(in_folder, document())
    refresh_list(str(source), KEY, now=NOW, folder=in_folder / "state")
    put(in_folder, document(8, targets=targets({"tier": "9"}), policy={"RU": {"pause": "raids"}}))
    with pytest.raises(UnusableTargetsError, match="tier"):
        refresh_list(str(source), KEY, now=NOW, folder=in_folder / "state")
    assert "tier" in read_looks(in_folder / "state").failed
    found = choose_catalogue(WANTED, None, now=NOW, folder=in_folder / "state")
    limits = found.standing.limits
    assert (limits.pause, limits.max_level, limits.max_tier) == ("raids", 1, 1)
    assert found.catalogue.source == "packaged"
    put(in_folder, document(9))
    refresh_list(str(source), KEY, now=NOW, folder=in_folder / "state")
    assert choose_catalogue(WANTED, None, now=NOW, folder=in_folder / "state").standing.limits.pause == ""


# ---- staged targets

NEXT = targets({"input": "https://web.telegram.org/"})


def staged(percent: int, text: str = NEXT) -> bytes:
    return write_document(serial=7, date=DAY, targets=targets(), policy={},
                          stage=StagedTargets(percent=percent, targets=text))


@given(percent=st.integers(1, 98), text=st.text("ab,", min_size=1), name=st.text("0123456789abcdef", max_size=32))
def test_a_higher_share_adds_to_those_who_were_drawn(percent: int, text: str, name: str) -> None:
    less, more = (StagedTargets(percent=share, targets=text) for share in (percent, percent + 1))
    assert is_drawn(less, name) <= is_drawn(more, name)
    assert not is_drawn(StagedTargets(percent=99, targets=text), "")


def test_as_many_are_drawn_as_were_asked_for_and_others_each_time() -> None:
    names = [f"{n:032x}" for n in range(4000)]
    drawn = [{name for name in names if is_drawn(StagedTargets(percent=10, targets=text), name)} for text in "ab"]
    assert all(320 < len(found) < 480 for found in drawn)
    assert 10 < len(drawn[0] & drawn[1]) < 80


def test_who_was_drawn_measures_what_comes_next_and_nobody_else_does(in_folder: Path) -> None:
    found = read_document(staged(50))
    assert found.stage
    paths: dict[bool, set[str]] = {}
    for number in range(12):
        home = in_folder / f"volunteer-{number}"
        keep_list(fetched(staged(50)), KEY, today=TODAY, folder=home)
        key = read_month_key("2026-11", folder=home)
        assert key
        catalogue = choose_catalogue(WANTED, None, now=NOW, folder=home).catalogue
        paths.setdefault(is_drawn(found.stage, key.name), set()).add(catalogue.version)
    assert paths == {True: {load_staged_catalogue(found).version}, False: {load_listed_catalogue(found).version}}


def test_staged_targets_that_a_program_cannot_use_are_for_others(in_folder: Path) -> None:
    keep_list(fetched(staged(99, targets({"tier": "9"}))), KEY, today=TODAY, folder=in_folder)
    found = choose_catalogue(WANTED, None, now=NOW, folder=in_folder)
    assert found.catalogue.version == load_listed_catalogue(read_document(staged(50))).version
    assert found.standing.trouble == ""
