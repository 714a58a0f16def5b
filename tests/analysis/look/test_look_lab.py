"""A look at the laboratory's rows says so wherever it speaks; rows of the other side that were left out are told."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from look_findings import NOW, finding, look
from probe.cli.main import cli
from probe.core.runs import Run, RunResult, Vantage
from probe.core.verdicts import ServiceVerdict, Verdict
from probe.store.runs.run_writer import write_run
from probe_analysis.look.lab_words import describe_lab
from probe_analysis.look.look_json import cite, digest, look_to_json
from probe_analysis.look.look_page import make_look_page
from probe_analysis.look.look_sentences import make_claims, make_sentences
from probe_analysis.pages.language import ENGLISH
from probe_analysis.publication.bundle_zip import unpack_bundle
from probe_analysis.tables.population_words import POPULATION_DOUBTS

RUNS = 6
BANNER = f"{ENGLISH('page.lab')} {ENGLISH('page.lab_whole')}"


def write_results(folder: Path, *, lab: bool, first: int = 0) -> Path:
    """Six runs, an hour each, of one service that is well."""
    for number in range(first, first + RUNS):
        start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=10 + number)
        stamp = start.strftime("%Y-%m-%dT%H:%M:%SZ")
        write_run(RunResult(
            run=Run(run_id=f"{start:%Y%m%dT%H%M%SZ}_{number:08x}", measurement_start_time=stamp,
                    measurement_end_time=stamp, schema_version="1", software_version="1", n_attempted=1,
                    vantage=Vantage(probe_id="p1", probe_cc="RU", probe_asn=64500, lab=lab)),
            observations=(), controls=(), services=(ServiceVerdict(service="whatsapp", role="chat", outcome="ok", k=1,
                                                                   n=1),),
            verdicts=(Verdict(target_id="whatsapp.chat.e1", service="whatsapp", role="chat",
                              input="https://whatsapp.example/", outcome="ok"),)), folder, known_new=True)
    return folder


def call(*words: str) -> str:
    done = CliRunner().invoke(cli, ["look", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.parametrize("lab", [True, False])
def test_the_laboratory_is_named_on_the_page_in_the_answer_and_in_the_citation_and_nothing_is_to_be_printed(
        lab: bool) -> None:
    data = look(finding(), lab=lab)
    told, page = look_to_json(data), make_look_page(data)
    assert told["lab"] is lab
    assert ('class="lab"' in page) is (ENGLISH("page.lab") in page) is lab
    assert ("laboratory data" in cite(data)) is ("laboratory data" in page) is lab
    assert bool(make_claims(data)) is bool(told["printable"]) is ('class="print"' in page) is not lab


def test_only_a_part_is_the_laboratorys_where_counts_of_others_are_laid_beside() -> None:
    parts = [describe_lab(look(finding(), kind=kind, lab=True))[1] for kind in ("own", "counts")]
    assert parts == [ENGLISH("page.lab_whole"), ENGLISH("page.lab_parts")]


@pytest.mark.slow
def test_each_side_counts_its_own_rows_and_tells_of_the_other(tmp_path: Path) -> None:
    made = write_results(tmp_path / "lab", lab=True)
    for words, counted in (((), 0), (("--lab",), RUNS)):
        page = tmp_path / "page.html"
        asked = ("whatsapp", "RU", "--results", str(made), "-o", str(page), *words)
        text, told = call(*asked), json.loads(call(*asked, "--json"))
        (source,) = told["sources"]
        assert sum(part["n"] for part in source["measured"]) == counted
        assert (source["other_side"] > 0) is (counted == 0)
        assert ("see --lab" in text) is ("see --lab" in page.read_text()) is (counted == 0)
        assert text.startswith(BANNER) is (BANNER in text) is told["lab"] is (counted > 0)


@pytest.mark.slow
def test_rows_of_the_laboratory_beside_others_are_told_in_the_terminal_and_the_answer(tmp_path: Path) -> None:
    made = write_results(write_results(tmp_path / "both", lab=True), lab=False, first=RUNS)
    asked = ("whatsapp", "RU", "--results", str(made))
    (source,) = json.loads(call(*asked, "--json"))["sources"]
    assert sum(part["n"] for part in source["measured"]) == RUNS
    assert source["other_side"] > 0
    assert call(*asked).count("see --lab") == 1


@pytest.mark.slow
def test_a_bundle_says_so_as_well_and_is_verified(tmp_path: Path) -> None:
    bundle = tmp_path / "b.zip"
    call("whatsapp", "RU", "--results", str(write_results(tmp_path / "lab", lab=True)), "--lab", "--bundle",
         str(bundle))
    files = unpack_bundle(bundle, tmp_path / "unpacked")
    assert files["README.txt"].read_text().startswith(BANNER)
    assert [json.loads(files[name].read_bytes())["lab"] for name in ("manifest.json", "look.json")] == [True, True]
    assert 'class="lab"' in files["page.html"].read_text()
    told = json.loads(call("--verify", str(bundle), "--json"))
    assert (told["lab"], told["same"]) == (True, True)
    assert call("--verify", str(bundle)).startswith(BANNER)


def test_the_same_data_give_the_same_digest_whenever_they_are_asked() -> None:
    data = look(finding())
    assert digest(replace(data, now=NOW + timedelta(hours=1))) == digest(data)
    assert digest(replace(data, lab=True)) != digest(data)
    assert look_to_json(replace(data, now=NOW + timedelta(hours=1)))["asked"] != look_to_json(data)["asked"]


def test_what_a_check_did_not_exclude_is_told_as_possible() -> None:
    data = look(finding(ruled_out=("network",), not_ruled_out=("service_or_instrument", "edge")))
    (said,) = (one.text for one in make_sentences(data) if one.topic == "else" and "Not excluded" in one.text)
    (claim,) = make_claims(data)
    assert "Not excluded: that" in said
    assert "Not excluded: that" in claim.limits
    assert POPULATION_DOUBTS["edge"] in said  # a population's doubt says what is not known, and that is so
