"""What plug-ins and outages add to a look: by the command, in a bundle, and where a plug-in is missing."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from look_findings import BEGAN, finding, look
from probe.cli.main import cli
from probe_analysis.cli import look_beside
from probe_analysis.cli.look import look as look_command
from probe_analysis.cli.look_beside import BesideWish, find_wish, read_beside
from probe_analysis.look.beside_plugin import list_plugins
from probe_analysis.look.beside_values import LookBeside


def test_each_plug_in_adds_an_option_of_its_name() -> None:
    names = [plugin.name for plugin in list_plugins()]
    assert names == ["registers", "stores"]
    assert {*names} <= {option.name for option in look_command.params}


def test_without_plug_ins_nothing_is_laid_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look_beside, "list_plugins", lambda: ())
    data = look(finding())
    assert read_beside(data.subject, BesideWish(), data.sources, lab=False) == LookBeside()


def test_evidence_that_no_installed_plug_in_reads_is_no_same_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"evidence/register/00000/forders.csv": Path("orders.csv"), "evidence/outages/00000/fx.json": Path("x")}
    stored = {"registers": [{"register": "table"}]}
    assert find_wish(files, stored, "RU").get_given("registers")
    monkeypatch.setattr(look_beside, "list_plugins", lambda: ())
    with pytest.raises(ValueError, match="register"):
        find_wish(files, stored, "RU")


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
