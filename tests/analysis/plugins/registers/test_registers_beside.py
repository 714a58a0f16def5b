"""Legal lists beside a finding: dated and numbered, convicting nobody, bounded and escaped."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from look_findings import BEGAN, SUBJECT, finding, look, say
from probe_analysis.look.beside_values import LookBeside
from probe_analysis.look.look_page import make_look_page
from probe_analysis.look.look_sentences import make_claims
from probe_analysis.look.look_values import LookData
from probe_analysis.plugins.registers.register_mentions import RegisterMention, RegisterSays
from probe_analysis.plugins.registers.register_words import REGISTERS
from probe_analysis.plugins.registers.registers_command import Asked
from probe_analysis.plugins.registers.registers_part import RegistersPart
from probe_analysis.plugins.registers.registers_plugin import RegistersPlugin


def mention(**values: Any) -> RegisterMention:
    return replace(RegisterMention(targets=("whatsapp.chat.e1", "whatsapp.web.client"), match="host",
                                   listed="whatsapp.net", date="2026-11-20", until="", authority="Someone",
                                   decision="27-31-2026/Id1", place=7, shared=""), **values)


def register(*mentions: RegisterMention, **values: Any) -> RegisterSays:
    return replace(RegisterSays(register="zi", title="A list", source="dump.csv", time="2026-11-27T00:00:00Z", why="",
                                entries=900, targets=20, mentions=mentions), **values)


def beside(*registers: RegisterSays) -> LookData:
    return replace(look(finding()), beside=LookBeside(parts=(RegistersPart(registers=registers),)))


def test_an_entry_is_told_with_its_date_and_number_and_changes_no_claim() -> None:
    data = beside(register(mention()))
    (told,) = say(data, "law")
    assert "2026-11-20" in told.text
    assert "27-31-2026/Id1" in told.text
    assert make_claims(data) == make_claims(look(finding()))


def test_each_thing_that_a_list_tells_is_in_its_sentence() -> None:
    changes: list[dict[str, Any]] = [
        {}, {"date": ""}, {"date": "2026-11-26"}, {"date": "2026-11-30"}, {"decision": ""}, {"until": "2027-01-01"},
        {"match": "address", "shared": "many sites share it"}, {"listed": "wa.me"}, {"targets": ("whatsapp.chat.e1",)}]
    said = {say(beside(register(mention(**each))), "law")[0].text for each in changes}
    said |= {say(beside(one), "law")[0].text for one in (register(), register(why="torn"))}
    assert len(said) == len(changes) + 2


@pytest.mark.parametrize("changes", [{"status": "suspected"}, {"onset_from": None}, {"kind": "network", "service": ""}])
def test_an_entry_is_placed_beside_confirmed_onsets_alone(changes: dict[str, Any]) -> None:
    def text(**values: Any) -> str:
        data = replace(look(finding(**values)), beside=beside(register(mention())).beside)
        return say(data, "law")[0].text

    assert text() != text(**changes)
    assert text(onset_until=BEGAN + timedelta(days=2)) != text()


def asked(path: Path, name: str = "list") -> Asked:
    return Asked(register=REGISTERS[name], cc="RU", where=str(path))


def read_lists(*lists: Asked) -> RegistersPart:
    return RegistersPlugin().read(lists, SUBJECT, lab=False, catalogue=None)


def test_lists_are_read_matched_and_their_hostile_names_escaped(tmp_path: Path) -> None:
    path, torn = tmp_path / "<b>orders.csv", tmp_path / "torn.json"
    path.write_text("host,date,authority,decision\nwhatsapp.net,2026-11-20,<script>,\"1<img src=x>\u202e\"\n")
    torn.write_text('{"torn": ')
    part = read_lists(asked(path, "table"), asked(torn, "ua"))
    read, unread = part.registers
    assert [(one.match, one.date, one.authority) for one in read.mentions] == [("parent", "2026-11-20", "<script>")]
    assert unread.why
    page = make_look_page(replace(look(finding()), beside=LookBeside(parts=(part,))))
    assert "<script>" not in page
    assert "<img" not in page
    assert str(tmp_path) not in page


@pytest.mark.slow
@pytest.mark.long
def test_a_list_of_a_million_rows_is_read_in_bounds(tmp_path: Path) -> None:
    path = tmp_path / "million.txt"
    path.write_text("\n".join(f"x{number}.example" for number in range(1_000_000)) + "\nwhatsapp.net\n")
    (read,) = read_lists(asked(path)).registers
    assert (read.entries, len(read.mentions)) == (1_000_001, 1)
