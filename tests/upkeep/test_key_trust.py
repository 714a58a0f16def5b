"""Keys that are lost, stolen, replaced and expired: what volunteers' devices believe then."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds_made import feed
from key_statements import (
    DAILY,
    EXPIRES,
    FIRST,
    SAFE,
    SAFE_TOO,
    SECOND,
    SINCE,
    THIEF,
    published,
    put_by,
    sign_by,
    statement,
)
from probe.config.settings import FeedSettings, Settings, UpdateSettings
from probe.controls.feeds.feed_document import FeedError, write_feed
from probe.upkeep.updates.catalogue_choice import read_list_state
from probe.upkeep.updates.feed_updates import FeedSource, list_feed_sources, read_feed_states, refresh_feed
from probe.upkeep.updates.kept_list import SignedList, find_list_keys, read_kept_list
from probe.upkeep.updates.key_trust import (
    KeyTrust,
    follow_statements,
    read_statement,
    read_statement_file,
    trust_key,
)
from probe.upkeep.updates.list_document import ListError
from probe.upkeep.updates.list_refresh import refresh_list
from probe.upkeep.updates.minisign import (
    SignatureError,
    parse_public_key,
    parse_signature,
    verify_by_keys,
)
from probe_operate.lists.signature_comments import add_signature, number_signature
from signed import DAY, OTHERS, OURS, Signer, document, put

KEY = parse_public_key(OURS.public_line)
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
CONFIGURED = Settings(update=UpdateSettings(key=OURS.public_line))


def look(at: Path, home: Path, now: datetime = NOW) -> SignedList:
    return refresh_list(str(at), KEY, now=now, folder=home)


def follow(raw: bytes, trust: KeyTrust | None = None) -> KeyTrust:
    """The keys that count in the end."""
    return follow_statements(trust or trust_key(KEY), read_statement_file(raw), "list", today=NOW.date())[0]


def public(*signers: Signer) -> tuple[Any, ...]:
    return tuple(parse_public_key(one.public_line) for one in signers)


# ---- several signatures

@pytest.mark.parametrize(("by", "enough"), [
    ((OURS, SECOND), True), ((SECOND, OURS), True), ((OURS, THIEF, SECOND), True), ((THIEF, SECOND, OURS), True),
    ((OURS,), False), ((OURS, THIEF), False), ((OURS, OURS), False), ((THIEF, OTHERS), False),
])
def test_two_of_the_keys_must_sign_and_each_counts_once(by: tuple[Signer, ...], enough: bool) -> None:
    signed = parse_signature(sign_by(b"d", *by))
    if enough:
        verify_by_keys(b"d", signed, public(OURS, SECOND, DAILY), 2)
        return
    with pytest.raises(SignatureError, match="2 must sign"):
        verify_by_keys(b"d", signed, public(OURS, SECOND, DAILY), 2)


def test_one_key_under_two_ids_is_no_second_key() -> None:
    twin = Signer(seed=OURS.seed, key_id=b"another!")
    with pytest.raises(SignatureError, match="twice"):
        read_statement(statement(signers=(OURS, twin), threshold=2))
    with pytest.raises(SignatureError, match="twice"):
        read_statement(statement(keepers=(SAFE, Signer(seed=b"x" * 32, key_id=SAFE.key_id))))
    with pytest.raises(SignatureError):
        verify_by_keys(b"d", parse_signature(sign_by(b"d", OURS, twin)), public(OURS, twin), 2)


@given(place=st.integers(0, 10_000), change=st.integers(1, 255))
def test_a_further_signature_cannot_be_changed(place: int, change: int) -> None:
    raw = bytearray(sign_by(b"d", OURS, SECOND))
    begin = raw.index(b"also=") + 5
    raw[begin + place % 100] ^= change
    with pytest.raises(SignatureError):
        verify_by_keys(b"d", parse_signature(bytes(raw)), public(OURS, SECOND), 2)


def test_of_a_document_only_its_own_signatures_are_added() -> None:
    with pytest.raises(SignatureError, match="of this content"):
        verify_by_keys(b"new", parse_signature(add_signature(OURS.sign(b"new"), SECOND.sign(b"old"))),
                       public(OURS, SECOND), 2)


def test_programs_of_before_and_minisign_itself_take_what_two_keys_signed(tmp_path: Path) -> None:
    at = put_by(tmp_path, document(), OURS, SECOND)
    at.with_name("list.json.minisig").write_bytes(
        number_signature(at.with_name("list.json.minisig").read_bytes(), 3))
    assert look(at, tmp_path / "home").trust.number == 0
    program = shutil.which("minisign")
    if program is None:
        pytest.skip("minisign is not installed here (apt-get install minisign)")
    many = [Signer(seed=bytes([n]) * 32, key_id=bytes([n]) * 8) for n in range(1, 8)]
    put_by(tmp_path, document(), OURS, *many)
    (tmp_path / "ours.pub").write_text(OURS.public_file)
    done = subprocess.run([program, "-V", "-p", "ours.pub", "-m", "list.json"], cwd=tmp_path, capture_output=True,
                          text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


# ---- handing over

def test_the_configured_key_hands_over_and_the_device_follows(tmp_path: Path) -> None:
    home = tmp_path / "home"
    look(put(tmp_path, document(7)), home)
    found = look(put_by(tmp_path, document(8), DAILY, keys=published(FIRST)), home)
    assert (found.document.serial, found.trust.number, found.key) == (8, 1, KEY)
    assert read_kept_list(KEY, home) == found
    later = (statement(2, signers=(SECOND,), keepers=(SAFE_TOO,)), (SAFE,))
    found = look(put_by(tmp_path, document(9), SECOND, keys=published(FIRST, later)), home)
    assert (found.document.serial, found.trust.number) == (9, 2)


def test_a_signature_by_old_and_new_keys_serves_old_and_new_programs(tmp_path: Path) -> None:
    at = put_by(tmp_path, document(8), OURS, DAILY, keys=published(FIRST))
    assert look(at, tmp_path / "not told of").trust.number == 0
    signature = at.with_name("list.json.minisig")
    signature.write_bytes(number_signature(signature.read_bytes(), 1))
    found = look(at, tmp_path / "told of")
    assert (found.trust.number, found.comment) == (1, ""), "the comment is one of a key that counts no more"


@pytest.mark.parametrize("replayed", [document(9), document(2**53, str(NOW.date()))])
def test_after_the_hand_over_the_old_key_signs_nothing(tmp_path: Path, replayed: bytes) -> None:
    """Replay of an old list, and what a thief of the old key makes."""
    home = tmp_path / "home"
    look(put_by(tmp_path, document(8), DAILY, keys=published(FIRST)), home)
    with pytest.raises(ListError, match="signed by"):
        look(put_by(tmp_path, replayed, OURS, keys=published(FIRST)), home)
    with pytest.raises(ListError, match="signed by"):
        look(put_by(tmp_path, replayed, OURS, keys=b"{}"), home)
    assert read_list_state(CONFIGURED, now=NOW, folder=home).trouble == ""


def test_old_lists_of_a_key_that_goes_on_signing_are_not_replayed(tmp_path: Path) -> None:
    """Nor do numbers that a thief used up stop the next list."""
    home, thiefs = tmp_path / "home", 2**53
    look(put(tmp_path, document(thiefs)), home)
    keys = published((statement(signers=(OURS, DAILY), since=str(DAY + timedelta(days=1))), (OURS,)))
    for old in (document(7), document(thiefs)):
        at = put_by(tmp_path, old, OURS, keys=keys)
        signature = at.with_name("list.json.minisig")
        signature.write_bytes(number_signature(signature.read_bytes(), 1))
        with pytest.raises(ListError, match="replays an"):
            look(at, home)
    assert "replays an" in read_list_state(CONFIGURED, now=NOW, folder=home).trouble
    assert look(put_by(tmp_path, document(8, NOW.date()), DAILY, keys=keys), home).document.serial == 8


@pytest.mark.parametrize(("by", "keepers_threshold", "taken"), [
    ((SAFE,), 1, True), ((SAFE,), 2, False), ((SAFE, SAFE), 2, False), ((SAFE, SAFE_TOO), 2, True),
    ((DAILY,), 1, False), ((OURS,), 1, False), ((THIEF,), 1, False), ((SAFE, THIEF), 2, False),
])
def test_keepers_alone_and_enough_of_them_change_keys(by: tuple[Signer, ...], keepers_threshold: int,
                                                      taken: bool) -> None:
    first = (statement(keepers=(SAFE, SAFE_TOO), keepers_threshold=keepers_threshold), (OURS,))
    known = follow(published(first))
    assert follow(published(first, (statement(2, signers=(SECOND,)), by)), known).number == (2 if taken else 1)


def test_a_lost_signing_key_is_replaced_by_the_keepers(tmp_path: Path) -> None:
    home = tmp_path / "home"
    look(put_by(tmp_path, document(8), DAILY, keys=published(FIRST)), home)
    later = (statement(2, signers=(SECOND,)), (SAFE,))
    assert look(put_by(tmp_path, document(9), SECOND, keys=published(FIRST, later)), home).document.serial == 9
    with pytest.raises(ListError, match="signed by"):
        look(put_by(tmp_path, document(10), DAILY, keys=published(FIRST, later)), home)


def test_a_lost_keeper_is_left_out_by_the_other(tmp_path: Path) -> None:
    first = (statement(keepers=(SAFE, SAFE_TOO)), (OURS,))
    assert follow(published(first, (statement(2, keepers=(SAFE_TOO, SECOND)), (SAFE_TOO,)))).number == 2


def test_where_all_keepers_are_lost_a_new_configured_key_begins_anew(tmp_path: Path) -> None:
    home, theirs = tmp_path / "home", parse_public_key(OTHERS.public_line)
    look(put_by(tmp_path, document(8), DAILY, keys=published(FIRST)), home)
    at = put_by(tmp_path, document(3), OTHERS, keys=published((statement(signers=(OTHERS,)), (OTHERS,))))
    with pytest.raises(ListError, match="signed by"):
        look(at, home)
    assert refresh_list(str(at), theirs, now=NOW, folder=home).document.serial == 3
    assert read_list_state(Settings(update=UpdateSettings(key=OTHERS.public_line)), now=NOW, folder=home).trouble == ""


def test_a_new_volunteer_begins_with_any_key_that_signed_a_statement() -> None:
    later = (statement(2, signers=(SECOND,), keepers=(SAFE_TOO,)), (SAFE, SAFE_TOO))
    begun = trust_key(parse_public_key(SAFE_TOO.public_line))
    assert follow(published(FIRST, later), begun).number == 2


def test_nobody_goes_back_to_an_earlier_statement(tmp_path: Path) -> None:
    home = tmp_path / "home"
    later = (statement(2, signers=(SECOND,)), (SAFE,))
    look(put_by(tmp_path, document(8), SECOND, keys=published(FIRST, later)), home)
    for keys in (published(FIRST), published(), published(FIRST, (statement(2, signers=(THIEF,)), (OURS,))),
                 published((statement(3, signers=(THIEF,)), (OURS,)))):
        with pytest.raises(ListError, match="signed by"):
            look(put_by(tmp_path, document(9), THIEF, keys=keys), home)
    assert look(put_by(tmp_path, document(9), SECOND, keys=published()), home).trust.number == 2


def test_statements_and_signatures_of_others_are_not_mixed() -> None:
    of_feeds = (statement(of="feed", signers=(THIEF,)), (OURS,))
    assert follow(published(of_feeds)).number == 0
    swapped = read_statement_file(published((statement(2, signers=(THIEF,)), (SAFE,)), FIRST))
    first, second = swapped.statements
    mixed = type(swapped)(statements=(
        type(first)(statement=first.statement, signature=second.signature),
        type(first)(statement=second.statement, signature=first.signature)))
    assert follow_statements(trust_key(KEY), mixed, "list", today=NOW.date())[0].number == 0


# ---- expiry

AFTER = datetime(2029, 11, 2, 12, tzinfo=UTC)


def test_what_stolen_keys_sign_after_they_expired_changes_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    look(put_by(tmp_path, document(8), DAILY, keys=published(FIRST)), home)
    stolen = (statement(2, signers=(THIEF,), since="2029-10-01", expires="2032-01-01"), (SAFE,))
    with pytest.raises(ListError, match="old keys"):
        look(put_by(tmp_path, document(9, "2029-11-01"), THIEF, keys=published(FIRST, stolen)), home, AFTER)
    back_dated = document(9, "2029-10-31")
    with pytest.raises(ListError, match="counted until 2029-11-01"):
        look(put_by(tmp_path, back_dated, DAILY, keys=published(FIRST)), home, AFTER)


def test_new_keys_in_time_are_followed_whatever_was_between(tmp_path: Path) -> None:
    """One statement that expired meanwhile is passed over, where the keepers stayed the same."""
    home = tmp_path / "home"
    look(put_by(tmp_path, document(8), DAILY, keys=published(FIRST)), home)
    short = (statement(2, expires="2026-12-31"), (SAFE,))
    now = (statement(3, signers=(SECOND,), since="2027-01-01", expires="2031-01-01"), (SAFE,))
    found = look(put_by(tmp_path, document(9, "2027-06-01"), SECOND, keys=published(FIRST, short, now)), home,
                 datetime(2027, 6, 1, tzinfo=UTC))
    assert found.trust.number == 3


def test_expired_keys_are_told_and_the_list_is_one_that_is_old(tmp_path: Path) -> None:
    """Who keeps a device from new lists freezes it in what an old list allows, and everybody sees why."""
    home = tmp_path / "home"
    keys = published((statement(expires=str(NOW.date())), (OURS,)))
    look(put_by(tmp_path, document(8), DAILY, keys=keys), home)
    today = read_list_state(CONFIGURED, now=NOW, folder=home)
    assert (today.trouble, today.limits.max_level) == ("", 3)
    tomorrow = read_list_state(CONFIGURED, now=NOW + timedelta(days=1), folder=home)
    assert "counted until 2026-11-25" in tomorrow.trouble
    assert (tomorrow.limits.max_level, tomorrow.limits.max_tier) == (1, 1)


def test_keys_of_the_future_are_not_yet_taken() -> None:
    with pytest.raises(SignatureError, match="in the future"):
        follow(published((statement(since="2026-11-27"), (OURS,))))


# ---- what is kept

@settings(max_examples=10)
@given(data=st.data())
def test_damaged_statements_are_told_and_had_anew(tmp_path_factory: pytest.TempPathFactory,
                                                  data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("keys")
    home = folder / "home"
    at = put_by(folder, document(8), DAILY, keys=published(FIRST))
    look(at, home)
    file = find_list_keys(KEY, home).path
    raw = bytearray(file.read_bytes())
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    file.write_bytes(raw)
    try:
        kept = read_kept_list(KEY, home)
    except ListError:
        (folder / "list.json.keys").rename(folder / "elsewhere")
        with pytest.raises(ListError, match="had anew"):
            look(at, home)
        (folder / "elsewhere").rename(folder / "list.json.keys")
        assert look(at, home).trust.number == 1
    else:
        assert kept is not None
        assert kept.trust.number == 1


@pytest.mark.parametrize("raw", [
    b"", b"[" * 100_000, b'{"statements":' * 10_000, b"\xff", b'{"format":2}', b"x" * (600 * 1024),
    b'{"format":1,"statements":[' + b",".join([b'{"statement":"","signature":""}'] * 65) + b"]}",
    b'{"format":1,"statements":[{"statement":"' + b"x" * 4001 + b'","signature":""}]}',
])
def test_bombs_are_no_statements(tmp_path: Path, raw: bytes) -> None:
    with pytest.raises(SignatureError):
        read_statement_file(raw)
    with pytest.raises(ListError, match="signed by"):
        look(put_by(tmp_path, document(8), DAILY, keys=raw), tmp_path / "home")


@pytest.mark.parametrize("odd", [
    {"number": 0}, {"threshold": 2}, {"keepers_threshold": 2}, {"signers": []}, {"expires": "2026-10-01"},
    {"surplus": 1}, {"format": 2}, {"of": "else"}, {"signers": ["RWoops"]},
    {"signers": [DAILY.public_line] * 2}, {"keepers": [SAFE.public_line] * 9},
])
def test_an_odd_statement_is_refused_and_is_as_if_it_were_not_there(odd: dict[str, object]) -> None:
    text = json.dumps(json.loads(statement(7)) | odd)
    with pytest.raises(SignatureError):
        read_statement(text)
    assert follow(published((text, (OURS,)), FIRST)).number == 1


@given(st.binary(max_size=300))
def test_any_bytes_are_statements_or_refused(raw: bytes) -> None:
    with pytest.raises(SignatureError):
        read_statement_file(b"\0" + raw)


# ---- feeds

def source(at: Path) -> FeedSource:
    (found,) = list_feed_sources(Settings(feed=(FeedSettings(urls=(str(at),), key=OURS.public_line),)))
    return found


def test_feeds_hand_over_as_lists_do(tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = (statement(of="feed"), (OURS,))

    def publish(minutes: int, *by: Signer, keys: bytes = published(first)) -> FeedSource:
        made = feed(made=NOW - timedelta(minutes=minutes))
        return source(put_by(tmp_path, write_feed(made), *by, name="de-1.json", keys=keys))

    refresh_feed(publish(30, OURS, keys=b"{}"), now=NOW, folder=home)
    refresh_feed(publish(20, DAILY), now=NOW, folder=home)
    with pytest.raises(FeedError, match="signed by"):
        refresh_feed(publish(10, OURS), now=NOW, folder=home)
    here = publish(5, DAILY)
    assert refresh_feed(here, now=NOW, folder=home).feed.made == NOW - timedelta(minutes=5)
    configured = Settings(feed=(FeedSettings(urls=here.urls, key=OURS.public_line),))
    (state,) = read_feed_states(configured, home)
    assert state.trouble == ""
    stolen = published(first, (statement(2, of="feed", signers=(THIEF,)), (DAILY,)))
    with pytest.raises(FeedError, match="signed by"):
        refresh_feed(publish(1, THIEF, keys=stolen), now=NOW, folder=home)
    with pytest.raises(FeedError, match="that is here"):
        refresh_feed(publish(20, DAILY), now=NOW, folder=home)


def test_a_feed_of_before_the_keys_or_after_them_counts_for_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    keys = published((statement(of="feed", since="2026-11-25", expires="2026-11-25"), (OURS,)))
    for made, why in ((NOW - timedelta(days=1), "replays"), (NOW + timedelta(hours=20), "counted until")):
        at = put_by(tmp_path, write_feed(feed(made=made)), DAILY, name="de-1.json", keys=keys)
        with pytest.raises(FeedError, match=why):
            refresh_feed(source(at), now=NOW, folder=home)


def test_the_constants_of_these_tests_hold() -> None:
    assert SINCE <= DAY <= NOW.date() <= EXPIRES
