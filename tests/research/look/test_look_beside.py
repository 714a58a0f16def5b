"""Legal lists and stores beside a finding: dated and numbered, convicting nobody, bounded and escaped."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from look_findings import BEGAN, NOW, finding, look
from probe.cli.look_beside import BesideWish, read_beside
from probe.cli.registers import Asked
from probe.core.stamps import format_time
from probe.core.tables.store_states import ABSENT, BLOCKED, IN, UNKNOWN
from probe.research.look.beside_values import LookBeside, RegisterMention, RegisterSays, StoreListing
from probe.research.look.look_page import make_look_page
from probe.research.look.look_sentences import make_claims, make_sentences
from probe.research.look.look_values import LookData, LookSentence
from probe.research.look.store_listings import list_store_listings
from probe.research.registers.register_words import REGISTERS
from probe.results.batches.store_checks import StoreCheck

pytest.importorskip("duckdb", reason="needs the extra `research`")

from probe.cli.main import cli


def mention(**values: Any) -> RegisterMention:
    return replace(RegisterMention(targets=("whatsapp.chat.e1", "whatsapp.web.client"), match="host",
                                   listed="whatsapp.net", date="2026-11-20", until="", authority="Someone",
                                   decision="27-31-2026/Id1", place=7, shared=""), **values)


def register(*mentions: RegisterMention, **values: Any) -> RegisterSays:
    return replace(RegisterSays(register="zi", title="A list", source="dump.csv", time="2026-11-27T00:00:00Z", why="",
                                entries=900, targets=20, mentions=mentions), **values)


def listing(**values: Any) -> StoreListing:
    return replace(StoreListing(store="app_store", app="310633997", probe_cc="DE", state=IN, reason="", checked=NOW,
                                checks=4, removed_from=None, removed_until=None), **values)


def beside(**values: Any) -> LookData:
    return replace(look(finding()), beside=LookBeside(**values))


def say(data: LookData, topic: str) -> list[LookSentence]:
    page, told = make_look_page(data), [one for one in make_sentences(data) if one.topic == topic]
    assert all(f'id="{row}"' in page for one in told for row in one.rows)
    return told


def test_an_entry_is_told_with_its_date_and_number_and_changes_no_claim() -> None:
    data = beside(registers=(register(mention()),))
    (told,) = say(data, "law")
    assert "2026-11-20" in told.text
    assert "27-31-2026/Id1" in told.text
    assert make_claims(data) == make_claims(look(finding()))


def test_each_thing_that_a_list_tells_is_in_its_sentence() -> None:
    changes: list[dict[str, Any]] = [
        {}, {"date": ""}, {"date": "2026-11-26"}, {"date": "2026-11-30"}, {"decision": ""}, {"until": "2027-01-01"},
        {"match": "address", "shared": "many sites share it"}, {"listed": "wa.me"}, {"targets": ("whatsapp.chat.e1",)}]
    said = {say(beside(registers=(register(mention(**each)),)), "law")[0].text for each in changes}
    said |= {say(beside(registers=(one,)), "law")[0].text for one in (register(), register(why="torn"))}
    assert len(said) == len(changes) + 2


@pytest.mark.parametrize("changes", [{"status": "suspected"}, {"onset_from": None}, {"kind": "network", "service": ""}])
def test_an_entry_is_placed_beside_confirmed_onsets_alone(changes: dict[str, Any]) -> None:
    def text(**values: Any) -> str:
        data = replace(look(finding(**values)), beside=LookBeside(registers=(register(mention()),)))
        return say(data, "law")[0].text

    assert text() != text(**changes)
    assert text(onset_until=BEGAN + timedelta(days=2)) != text()


def test_states_of_stores_have_words_of_their_own() -> None:
    changes: list[dict[str, Any]] = [
        {}, {"state": ABSENT}, {"state": ABSENT, "removed_from": BEGAN, "removed_until": NOW},
        {"state": BLOCKED}, {"state": UNKNOWN, "reason": "rate_limited"}, {"state": UNKNOWN},
        {"checked": NOW - timedelta(days=40)}, {"probe_cc": "RU"}]
    said = {say(beside(stores=(listing(**each),), stores_asked=True), "stores")[0].text for each in changes}
    assert len(said) == len(changes)
    assert len(say(beside(stores_asked=True), "stores")) == 1
    assert say(beside(), "stores") == []


def check(hour: int, state: str, **values: Any) -> StoreCheck:
    made = StoreCheck(batch_id=f"b{hour:03d}", probe_cc="DE", check_time=format_time(BEGAN + timedelta(hours=hour)),
                      store="app_store", storefront="ru", service="whatsapp", app="1", state=state)
    return replace(made, **values)


@pytest.mark.parametrize(("states", "state", "removed"), [
    ([IN, ABSENT, ABSENT, ABSENT], ABSENT, True),
    ([IN, ABSENT, ABSENT], ABSENT, False),
    ([ABSENT, ABSENT, ABSENT, ABSENT], ABSENT, False),
    ([IN, ABSENT, ABSENT, ABSENT, IN], IN, True),
    ([IN, ABSENT, ABSENT, ABSENT, IN, IN, IN], IN, False),
    ([IN, UNKNOWN], IN, False),
    ([UNKNOWN, UNKNOWN], UNKNOWN, False),
])
def test_a_removal_is_told_where_enough_checks_agree(states: list[str], state: str, removed: bool) -> None:
    checks = [check(5 * number, each) for number, each in enumerate(states)]
    others = [check(1, IN, storefront="us"), check(1, IN, service="signal"), check(1, IN, lab=True)]
    (one,) = list_store_listings([*checks, *others], "whatsapp", "RU", lab=False)
    assert (one.state, one.removed_from is not None) == (state, removed)


def asked(path: Path, name: str = "list") -> Asked:
    return Asked(register=REGISTERS[name], cc="RU", where=str(path))


def test_lists_are_read_matched_and_their_hostile_names_escaped(tmp_path: Path) -> None:
    path, torn = tmp_path / "<b>orders.csv", tmp_path / "torn.json"
    path.write_text("host,date,authority,decision\nwhatsapp.net,2026-11-20,<script>,\"1<img src=x>\u202e\"\n")
    torn.write_text('{"torn": ')
    data = look(finding())
    found = read_beside(data.subject, BesideWish(registers=(asked(path, "table"), asked(torn, "ua"))), data.sources,
                        lab=False)
    read, unread = found.registers
    assert [(one.match, one.date, one.authority) for one in read.mentions] == [("parent", "2026-11-20", "<script>")]
    assert unread.why
    page = make_look_page(replace(data, beside=found))
    assert "<script>" not in page
    assert "<img" not in page
    assert str(tmp_path) not in page


@pytest.mark.slow
@pytest.mark.long
def test_a_list_of_a_million_rows_is_read_in_bounds(tmp_path: Path) -> None:
    path = tmp_path / "million.txt"
    path.write_text("\n".join(f"x{number}.example" for number in range(1_000_000)) + "\nwhatsapp.net\n")
    data = look(finding())
    (read,) = read_beside(data.subject, BesideWish(registers=(asked(path),)), data.sources, lab=False).registers
    assert (read.entries, len(read.mentions)) == (1_000_001, 1)


def counts_of(path: Path) -> Path:
    lines = [f"{BEGAN + timedelta(hours=hour):%Y-%m-%dT%H:%M:%SZ},RU-AS25513,whatsapp.chat,6,0,whatsapp,chat,4"
             for hour in range(48)]
    path.write_text("\n".join(["time,network,target,n,failed,service,role,witnesses", *lines]) + "\n")
    return path


def run(*words: str) -> Any:
    return CliRunner().invoke(cli, ["look", *words])


@pytest.mark.slow
def test_the_command_lays_lists_and_outages_beside_and_bundles_them(tmp_path: Path) -> None:
    orders, outages, bundle = tmp_path / "orders.csv", tmp_path / "ioda.json", tmp_path / "b.zip"
    orders.write_text("host,date,decision\nwhatsapp.net,2026-11-20,77\n")
    outages.write_text(json.dumps({"data": [{"location": "country/RU", "start": int(BEGAN.timestamp()),
                                             "duration": 3600, "score": 5}, {"location": "mars"}]}))
    done = run("whatsapp", "RU", "--counts", str(counts_of(tmp_path / "c.csv")), "--register", f"table:RU={orders}",
               "--outages", str(outages), "--stores", str(tmp_path), "--bundle", str(bundle), "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert [one["decision"] for one in told["beside"]["registers"][0]["mentions"]] == ["77"]
    assert [one["ccs"] for one in told["beside"]["outages"]] == [["RU"]]
    assert len(told["beside"]["problems"]) == 1
    assert {"law", "stores"} <= {one["topic"] for one in told["sentences"]}
    again = run("--verify", str(bundle), "--json")
    assert (again.exit_code, json.loads(again.stdout)["same"]) == (0, True), again.output


@pytest.mark.parametrize("words", [
    ("--register", "ua=x.json"), ("--register", "table=x.csv"), ("--register", "nobody=x.csv"), ("--register", "zi"),
    ("--register", "zi=https://example.org/dump.csv", "--bundle", "b.zip"),
    ("--outages", "https://example.org/x.json", "--bundle", "b.zip")])
def test_lists_of_other_countries_and_bundles_without_their_files_are_refused(words: tuple[str, ...],
                                                                             tmp_path: Path) -> None:
    assert run("whatsapp", "RU", "--counts", str(counts_of(tmp_path / "c.csv")), *words).exit_code == 2
