"""The page of a fleet: its numbers are those of the cells, gaps stay gaps, few is no share, texts are no markup."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from in_order import in_order
from made_fleet import START, analysed_fleet, cell, levels, write_cells
from made_site import log_row, reach
from probe_analysis.cells.cell_schema import SCHEMA
from probe_analysis.cli.report import report
from probe_analysis.pages.language import load_words
from probe_analysis.pages.strip_rows import count_decided, sum_outcomes
from probe_analysis.pages.time_buckets import make_fleet_cell, make_span_buckets
from probe_analysis.population.population_schema import SCHEMA as POPULATION
from probe_analysis.report.event_section import parse_events
from probe_analysis.report.fleet_gather import gather_fleet
from probe_analysis.report.part_view import MAX_PARTS
from report_made import HOSTILE, Page, fill


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return analysed_fleet(tmp_path_factory.mktemp("fleet"))


def page_of(folder: Path, *options: str) -> str:
    """What the command writes."""
    out = folder / "page.html"
    done = CliRunner().invoke(report, [str(folder), "--out", str(out), *options])
    assert done.exit_code == 0, done.output
    return out.read_text(encoding="utf-8")


def parts_of(text: str) -> list[str]:
    return re.findall(r'<section id="n\d+" class="part".*?(?=<section id="(?:n\d+"|kinds))', text, re.DOTALL)


# numbers

def test_every_number_is_a_sum_of_cells(folder: Path) -> None:
    text = page_of(folder)
    cells = pq.read_table(folder / "cells.parquet").to_pandas()
    parts = parts_of(text)
    assert len(parts) == cells["probe_asn"].nunique() == 4
    for part in parts:
        asn = int(re.search(r"AS(\d+)", part)[1])  # type: ignore[index]
        mine = cells[cells["probe_asn"] == asn]
        roles = mine[mine["level"] == "role"].groupby(["service", "role"])[["n", "blocked", "ok"]].sum()
        charts = re.findall(r"<h4>([^,<]+), (\w+): share.*?<figcaption[^>]*>(.*?)</figcaption>", part, re.DOTALL)
        assert len(charts) == len(roles) == part.count("<figure>")
        for service, role, caption in charts:
            told = {word: int(n) for word, n in re.findall(r"(ok|blocked) (\d+)", caption)}
            n, blocked, ok = roles.loc[(service.replace(" ", "_"), role)]
            assert caption.startswith(f"n = {n} decided of ")
            assert (told.get("blocked", 0), told.get("ok", 0)) == (blocked, ok)
        verdicts = mine[mine["level"] == "target"]
        assert f"{verdicts['n'].sum()} of them decided" in part
        assert f"of {verdicts['service'].nunique()} services" in part
        assert f"{mine['witnesses'].max()} probes" in part
        kinds = verdicts[verdicts["blocked"] > 0].groupby(["service", "block_type"])["blocked"].agg(["size", "sum"])
        for (service, kind), (size, blocked) in kinds.iterrows():
            section = part.split(f'data-service="{service}" data-outcomes')[1].split("</section>")[0]
            assert f"<code>{kind}</code> (in {size} cell" in section
            assert f", {blocked} blocked verdicts)" in section


def test_the_events_are_there_beside_what_they_speak_of(folder: Path) -> None:
    rows = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    text = page_of(folder)
    events = [row for row in rows if row["kind"] in ("service", "network")]
    assert text.count('class="event"') == len({row["event_id"] for row in events}) >= 3
    assert text.count('class="event dismissed"') == len({row["event_id"] for row in rows}) - len(events) > 0
    for row in events:
        for network in row["networks"]:
            (part,) = [part for part in parts_of(text) if f"AS{network['asn']} " in part[:300]]
            if row["kind"] == "network":
                assert "whole network" in part
                continue
            section = part.split(f'data-service="{row["service"]}" data-outcomes')[1].split("</section>")[0]
            assert row["mechanism"] in section.split("<figure>")[0]
            assert ("; goes on" in section) is row["ongoing"]
            assert "<summary>Time series" not in section, "what an event speaks of is not folded away"
    assert "Laboratory data." in Page(text).words


def test_a_log_of_events_elsewhere_goes_first(folder: Path, tmp_path: Path) -> None:
    log = tmp_path / "e.jsonl"
    log.write_text(json.dumps(log_row("e", service="elsewhere")) + "\n")
    text = page_of(folder, "--events", str(log))
    assert text.count('class="event"') == 1
    assert "elsewhere" in text


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(
    st.integers(0, 24 * 40), st.sampled_from(["RU", "IR"]), st.sampled_from([0, 64501]), st.sampled_from("ab"),
    st.sampled_from(["chat", "call"]), st.tuples(*[st.integers(0, 9)] * 6)), min_size=1, max_size=40))
def test_steps_hold_what_the_cells_hold(tmp_path: Path, rows: list[tuple[Any, ...]]) -> None:
    """Any cells: each step of each line is the sum of its cells, and where there is no cell there is a gap."""
    words = ("ok", "blocked", "down", "inconclusive", "network", "local")
    made = [cell(hour, probe_cc=cc, probe_asn=asn, service=service, role=role, **dict(zip(words, counts, strict=True)))
            for hour, cc, asn, service, role, counts in rows]
    fleet = gather_fleet(write_cells(tmp_path, made) / "cells.parquet")
    wanted: dict[Any, Counter[str]] = {}
    present = set()
    for row in made:
        key = (row["probe_cc"], row["probe_asn"], row["service"], row["role"], fleet.steps.index(row["cell_start"]))
        present.add(key)
        wanted.setdefault(key, Counter()).update({word: row[word] for word in words})
    for part in fleet.parts:
        for service, roles in part.roles.items():
            for role, line in roles.items():
                for index, found in enumerate(line):
                    key = (part.network.probe_cc, part.network.probe_asn, service, role, index)
                    present.discard(key)
                    counts = wanted.get(key, Counter())
                    assert dict(found.counts) == {word: n for word, n in counts.items() if n}
                    assert found.decided() == counts["ok"] + counts["blocked"] + counts["down"]
                    assert (found.state == "none") is not any(counts.values())
    assert not present, "every cell is in some step"


@pytest.mark.parametrize(("counts", "state"), [
    ({}, "none"), ({"ok": 100, "blocked": 5}, "ok"), ({"ok": 90, "blocked": 10}, "mixed"),
    ({"ok": 5, "blocked": 5}, "blocked"), ({"ok": 4}, "few"), ({"blocked": 4}, "few"), ({"blocked": 5}, "blocked"),
    ({"down": 6, "ok": 2}, "down"), ({"down": 6, "blocked": 6}, "blocked"), ({"network": 9, "ok": 6}, "network"),
    ({"network": 9, "blocked": 6}, "blocked"), ({"inconclusive": 9, "ok": 3}, "inconclusive"), ({"local": 1}, "local"),
    ({"inconclusive": 900, "ok": 5}, "ok"),
])
def test_what_many_say_in_one_step(counts: dict[str, int], state: str) -> None:
    assert make_fleet_cell(counts).state == state


@given(hours=st.integers(0, 24 * 5000), first=st.integers(0, 1000), most=st.integers(26, 400))
def test_steps_span_all_hours(hours: int, first: int, most: int) -> None:
    begin = START + timedelta(hours=first)
    found = make_span_buckets(begin, begin + timedelta(hours=hours), most=most)
    assert found.index(begin) == 0
    assert found.index(begin + timedelta(hours=hours)) == found.count - 1 <= most
    assert found.width >= timedelta(days=1) or hours <= 96


def test_gaps_stay_gaps_and_few_is_no_share(tmp_path: Path) -> None:
    rows = [*levels(0, ok=10), *levels(24, blocked=3), *levels(24 * 8, ok=1, blocked=9, block_type="dns.nxdomain")]
    text = page_of(write_cells(tmp_path, rows))
    assert in_order(text, "n = 23", "of 23", "blocked 12", "ok 11")
    assert in_order(text, "1 day", "3\u201310", "6 of 9")
    assert re.findall(r'class="cell (\w+)" title', text) == ["ok", "few", *["none"] * 6, "blocked"]
    bars = re.search(r'<path class="bar blocked" d="([^"]*)"', text)[1]  # type: ignore[index]
    assert re.findall(r"M(\d+) ", bars) == ["8"], "three decided runs make no bar, and a gap none"
    assert "too few" in text


def test_a_service_that_nobody_saw_blocked_is_folded_away(tmp_path: Path) -> None:
    rows = [row for hour in range(200) for row in (
        *levels(hour, ok=10), *levels(hour, service="wire", ok=99, blocked=int(hour == 7)),
        *levels(hour, service="viber", ok=10, blocked=10 if hour < 24 else 0, block_type="tls.drop"))]
    page = page_of(write_cells(tmp_path, rows))
    assert re.findall(r'class="service" data-service="(\w+)"', page) == ["viber", "signal", "wire"]
    viber, signal, wire = page.split('class="service"')[1:]
    assert "<summary>Time series" not in viber
    assert "<summary>Time series" in signal
    assert "No blocking seen." in signal
    assert "1 of 19801" in wire
    assert "<summary>Time series" in wire


def test_networks_with_events_come_first_and_those_without_room_are_counted(tmp_path: Path) -> None:
    rows = [cell(hour, probe_asn=100 + asn, ok=10 + asn, blocked=asn % 3) for asn in range(30) for hour in (0, 90)]
    event = json.dumps(log_row("e", [reach(103)], service="signal", lab=True))
    found = gather_fleet(write_cells(tmp_path, rows) / "cells.parquet", parse_events([event]).events)
    blocked_most = [asn for asn in range(129, 99, -1) if asn % 3 == 0]
    assert [part.network.probe_asn for part in found.parts] == [103, *blocked_most, 128]
    assert found.left_out == 18
    text = page_of(tmp_path)
    assert len(re.findall('class="part"', text)) == MAX_PARTS
    assert "18 further networks" in text


@pytest.mark.slow
def test_a_page_stays_small_whatever_the_fleet(tmp_path: Path) -> None:
    draw = np.random.default_rng(1)
    days, services, networks = 365, 70, 15
    size = days * services * networks
    blocked = draw.integers(0, 4, size) * 7
    whole = np.arange(size)
    day, service, asn = whole % days, whole // days % services, whole // days // services
    names = pa.array([f"service-{n}" for n in range(services)]).take(pa.array(service))
    columns = {name: pa.repeat(pa.scalar(cell(0)[name], SCHEMA.field(name).type), size) for name in SCHEMA.names}
    start = np.datetime64(START.replace(tzinfo=None), "us") + day * np.timedelta64(1, "D")
    columns |= {"probe_asn": pa.array(asn), "service": names, "ok": pa.array(100 - blocked),
                "blocked": pa.array(blocked), "n": pa.repeat(100, size),
                "cell_start": pa.array(start).cast(pa.timestamp("us", tz="UTC"))}
    roles = pa.table(columns)
    where = SCHEMA.get_field_index("level")
    whole_services = roles.set_column(where, "level", pa.repeat("service", size))
    whole_services = whole_services.set_column(SCHEMA.get_field_index("role"), "role", pa.repeat("", size))
    pq.write_table(pa.concat_tables([roles, whole_services]).cast(SCHEMA), tmp_path / "cells.parquet")
    text = page_of(tmp_path)
    assert len(text.encode()) < 5_000_000
    assert in_order(text, "no room", ": 10.")


def test_what_many_probes_say_together_is_told_by_day(folder: Path, tmp_path: Path) -> None:
    names = [name for name in POPULATION.names if name not in ("onset", "last", "served_until")]
    plain = {name: {"int64": 0, "bool": False}.get(str(POPULATION.field(name).type), "") for name in names}
    row = {**plain, "lab": True, "probe_cc": "RU", "probe_asn": 64501, "service": HOSTILE.replace("\ud800", ""),
           "role": "chat", "target_id": "t.1", "n": 9, "struck": 7, "served_until": None, "witnesses": 3}
    rows = [{**row, "onset": START + timedelta(days=day), "last": START + timedelta(days=day, hours=5), **told}
            for day, told in ((0, {"outcome": "blocked", "block_type": "tls.reset", "basis": "spared"}),
                              (2, {"outcome": "inconclusive", "suspected": "dns.nxdomain", "rule_id": "pop/unplaced",
                                   "not_excluded": "service edge"}),
                              (1, {"outcome": "inconclusive", "suspected": "tcp.drop", "rule_id": "pop/fresh_names",
                                   "not_excluded": "fresh_names"}),
                              (3, {"outcome": "inconclusive", "rule_id": "pop/too_few"}))]
    (tmp_path / "cells.parquet").write_bytes((folder / "cells.parquet").read_bytes())
    pq.write_table(pa.Table.from_pylist(rows, schema=POPULATION), tmp_path / "population.parquet")
    for language in ("en", "ru"):
        text = page_of(tmp_path, "--lang", language)
        section = re.search(r'<section id="population".*?</section>', text, re.DOTALL)[0]  # type: ignore[index]
        assert section.count("<tr data-service") == 3
        assert re.findall(r"<code>([^<]+)</code>", section) == ["dns.nxdomain", "tcp.drop", "tls.reset"], "latest first"
        assert section.count("7 / 9") == 3
        assert section.count('scope="colgroup"') == 3
        for key in ("population_basis.spared", "population_doubt.edge", "status.unplaced", "status.suspected",
                    "population_doubt.fresh_names"):
            assert escape(load_words()[key][("en", "ru").index(language)], quote=True) in section
        assert "<script" not in section


def test_a_torn_table_of_a_population_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "cells.parquet").write_bytes((folder / "cells.parquet").read_bytes())
    (tmp_path / "population.parquet").write_bytes(b"PAR1")
    done = CliRunner().invoke(report, [str(tmp_path), "--out", str(tmp_path / "page.html")])
    assert done.exit_code == 1
    assert "population.parquet" in done.output


# words and strings

def test_a_page_in_russian_has_no_english_sentences(folder: Path) -> None:
    words = Page(page_of(folder, "--lang", "ru", "--title", "Май")).words
    left = [both[0] for both in load_words().values() if both[0] != both[1] and len(both[0]) > 12
            and "{" not in both[0] and "|" not in both[0] and both[0] in words]
    assert not left
    assert "Доступны ли" not in words
    assert "Шаг считается заблокированным" in words


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", HOSTILE.replace("\ud800", "")])
def test_strings_of_cells_are_never_markup(tmp_path: Path, name: str) -> None:
    rows = levels(0, service=name, role=name, block_type=name, probe_cc=name, blocked=9)
    text = page_of(write_cells(tmp_path, rows), "--figures", str(tmp_path / "figures"))
    page = Page(text)
    names = [element for element, _ in page.elements]
    assert not {"script", "img", "link", "iframe", "object", "base", "form"} & set(names)
    assert not {key for _, attrs in page.elements for key in attrs if key.startswith("on")}
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", text)
    assert "<script>alert(1)</script>" in page.words
    for figure in (tmp_path / "figures").iterdir():
        assert re.fullmatch(r"[a-z0-9-]+\.svg", figure.name)
        assert "<script" not in figure.read_text(encoding="utf-8")


# the command

def test_figures_are_those_of_what_was_blocked(tmp_path: Path) -> None:
    rows = [*levels(0, ok=10), *levels(0, service="viber", blocked=10, block_type="tls.drop")]
    folder = write_cells(tmp_path / "cells", rows)
    done = CliRunner().invoke(report, [str(folder), "--figures", str(tmp_path / "f"), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output) == {"report": str(folder / "report.html"), "figures": str(tmp_path / "f"),
                                       "datapackage": None, "changes": [], "signatures": None}
    assert sorted(path.name for path in (tmp_path / "f").iterdir()) == [
        "overview-1-lab-as64501-ru.svg", "service-1-lab-as64501-ru-01-viber.svg"]
    assert "(blocked 10)" in (tmp_path / "f" / "service-1-lab-as64501-ru-01-viber.svg").read_text()


def test_a_folder_may_be_called_anything(tmp_path: Path) -> None:
    assert "n = 10" in page_of(write_cells(tmp_path / "may's [1]*?", levels(0, ok=10)))


def _without(name: str) -> pa.Table:
    return pa.Table.from_pylist(levels(0, ok=9), schema=SCHEMA).drop_columns([name])


def _with(name: str, value: Any, kind: pa.DataType) -> pa.Table:
    return _without(name).append_column(pa.field(name, kind), pa.array([value] * 3, kind))


@pytest.mark.parametrize(("made", "words"), [
    (b"", "cannot be read"), (b"PAR1 and no more", "cannot be read"), (b"a,b\n1,2\n", "cannot be read"),
    (_without("service"), "service is missing"), (_without("cell_start"), "cell_start is missing"),
    (_without("blocked"), "blocked is missing"), (pa.table({"x": [1]}), "lab, probe_asn"),
    (SCHEMA.empty_table(), "no cells in it"), (_with("level", "city", pa.string()), "no cells in it"),
    (_with("cell_start", None, pa.timestamp("us")), "cell_start is empty in 3 rows"),
    (_with("cell_start", "yesterday", pa.string()), "cannot be read"),
    (_with("cell_start", 253_000_000_000_000_000, pa.timestamp("us")), "outside the years 1970 to 2199"),
    (_with("ok", "many", pa.string()), "cannot be read"),
    (pa.concat_tables([_with("ok", 2**62, pa.int64())] * 2), "cannot be read"),
])
def test_what_is_no_cell_table_is_an_error_that_helps(tmp_path: Path, made: Any, words: str) -> None:
    if isinstance(made, bytes):
        (tmp_path / "cells.parquet").write_bytes(made)
    else:
        pq.write_table(made, tmp_path / "cells.parquet")
    done = CliRunner().invoke(report, [str(tmp_path)])
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit), "no traceback"
    assert words in done.output
    assert str(tmp_path / "cells.parquet") in done.output
    assert not (tmp_path / "report.html").exists()


def test_cells_have_no_datapackage(tmp_path: Path) -> None:
    done = CliRunner().invoke(report, [str(write_cells(tmp_path, levels(0, ok=9))), "--datapackage"])
    assert done.exit_code == 2
    assert "cells.json describes cells" in done.output


def test_a_volunteers_folder_needs_nothing_heavy_and_stays_one(tmp_path: Path) -> None:
    fill(tmp_path, lab=True, letters="oBBo")
    write_cells(tmp_path, levels(0, ok=9))
    program = ("import sys\nfrom probe_analysis.cli.report import report\n"
               f"report([{str(tmp_path)!r}], standalone_mode=False)\nprint(*sys.modules)")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert not {"duckdb", "pandas", "pyarrow", "numpy", "ibis"} & set(done.stdout.split())
    assert "wechat" in (tmp_path / "report.html").read_text(encoding="utf-8").lower()


def test_sums_over_steps_are_the_ns_of_charts(folder: Path) -> None:
    cells = pq.read_table(folder / "cells.parquet").to_pandas()
    fleet = gather_fleet(folder / "cells.parquet")
    whole = cells[cells["level"] == "service"].groupby(["probe_asn", "service"])[["n", "blocked"]].sum()
    found = {(part.network.probe_asn, service): (count_decided(line), dict(sum_outcomes(line)).get("blocked", 0))
             for part in fleet.parts for service, line in part.whole.items()}
    assert found == {key: (row["n"], row["blocked"]) for key, row in whole.iterrows()}
