"""`probe show`: a run, a messenger, a target, what each said before, and the page of it."""

from __future__ import annotations

import html
import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from probe.cli.main import cli
from probe.core.languages import LanguageCode
from probe.core.runs import RunResult
from probe.core.translation import load_catalogue_of
from probe.core.verdicts import ServiceVerdict, Verdict
from probe.judge.path.all_rules import list_rules
from probe.store.runs.run_writer import write_run
from stored import a_result

HOSTILE = '<script>alert("x")</script>\x1b[2J'
TARGET, URL = "signal.chat.main", "https://chat.signal.example/"


def a_run(run_id: str, time: str, outcome: Any, block_type: Any = "", reason: str = "") -> RunResult:
    made = a_result(run_id=run_id, time=time)
    verdict = Verdict(target_id=TARGET, service="signal", role="chat", input=URL, outcome=outcome,
                      block_type=block_type, reason=reason, confidence=0.8, evidence=(f"{run_id}.1",))
    row = ServiceVerdict(service="signal", role="chat", outcome=outcome, k=int(outcome == "blocked"), n=1,
                         block_types=(block_type,) if outcome == "blocked" else ())
    return replace(made, verdicts=(verdict,), services=(row,))


@pytest.fixture(autouse=True)
def _results(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.config.settings.SEARCH_PATHS", ())
    monkeypatch.delenv("PROBE_CONFIG", raising=False)
    for made in (a_run("20170504T060000Z_a", "2017-05-04T06:00:00Z", "ok"),
                 a_run("20170504T070000Z_b", "2017-05-04T07:00:00Z", "blocked", "tls.reset.sni"),
                 a_run("20170504T080000Z_c", "2017-05-04T08:00:00Z", "blocked", "tls.reset.sni", HOSTILE)):
        write_run(made, Path("results"), parquet=False)


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ("show", *arguments))


def told(*arguments: str) -> dict[str, Any]:
    result = call(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.output))


def test_without_a_word_the_last_run_is_shown_with_since_when_it_is_so() -> None:
    shown = told()
    assert (shown["kind"], shown["answer"]["run_id"]) == ("run", "20170504T080000Z_c")
    (one,) = (s for s in shown["answer"]["services"] if s["service"] == "signal")
    chat = next(part for part in one["parts"] if part["part"] == "chat")
    assert (chat["state"], chat["history"]["since"]) == ("blocked", "2017-05-04T07:00:00Z")
    assert (chat["history"]["runs"], chat["history"]["last_well"]) == (2, "2017-05-04T06:00:00Z")


@pytest.mark.parametrize("command", [("show", "--results", "nosuch"), ("show", "signal", "--results", "nosuch"),
                                     ("report", "nosuch")])
def test_a_folder_that_is_not_there_is_said_to_be_none(command: tuple[str, ...]) -> None:
    done = CliRunner().invoke(cli, command)
    assert done.exit_code == 1
    assert "nosuch: " in done.output


def test_measurements_of_others_are_sent_to_the_report() -> None:
    made = a_run("20170504T060000Z_o", "2017-05-04T06:00:00Z", "ok")
    write_run(replace(made, run=replace(made.run, engine="ooni")), Path("theirs"), parquet=False)
    done = call("--results", "theirs")
    assert done.exit_code == 1
    assert "probe report theirs" in done.output


@pytest.mark.parametrize(("word", "kind", "run_id"), [
    ("20170504T060000Z", "run", "20170504T060000Z_a"), ("20170504T070000Z_b", "run", "20170504T070000Z_b"),
    ("signal", "service", "20170504T080000Z_c"), ("SIGNAL", "service", "20170504T080000Z_c"),
    (TARGET, "target", "20170504T080000Z_c"), (URL, "target", "20170504T080000Z_c"),
])
def test_a_word_is_taken_for_what_it_names(word: str, kind: str, run_id: str) -> None:
    shown = told(word)
    assert (shown["kind"], shown["run"]["run_id"]) == (kind, run_id)


@pytest.mark.parametrize("code", ["ru", "fa", "zh_CN"])
def test_the_reason_of_a_row_is_said_in_the_language_and_kept_in_english(code: LanguageCode) -> None:
    why = next(rule.why for rule in list_rules() if rule.id == "tls/reset_sni")
    write_run(a_run("20170504T090000Z_d", "2017-05-04T09:00:00Z", "blocked", "tls.reset.sni", why), Path("results"),
              parquet=False)
    said = CliRunner().invoke(cli, ("--lang", code, "show", TARGET)).output
    assert load_catalogue_of(code, "probe").messages[why][0] in said
    assert why not in said
    shown = json.loads(CliRunner().invoke(cli, ("--lang", code, "show", TARGET, "--json")).output)
    assert shown["verdict"]["reason"] == why


def test_a_target_comes_with_its_history_and_evidence() -> None:
    shown = told(TARGET)
    assert [(span["said"], span["runs"]) for span in shown["history"]] == [("ok", 1), ("blocked tls.reset.sni", 2)]
    assert [o["observation_id"] for o in shown["observations"]] == ["20170504T080000Z_c.1"]


def test_what_the_last_run_left_out_is_shown_of_the_run_before() -> None:
    last = a_result(run_id="20170504T090000Z_d", time="2017-05-04T09:00:00Z")
    write_run(replace(last, run=replace(last.run, vantage=a_result().run.vantage)), Path("results"), parquet=False)
    assert told("signal")["run"]["run_id"] == "20170504T080000Z_c"
    assert told()["run"]["run_id"] == "20170504T090000Z_d"


def test_what_was_seen_in_another_network_is_not_mixed_in() -> None:
    abroad = a_run("20170504T073000Z_x", "2017-05-04T07:30:00Z", "ok")
    abroad = replace(abroad, run=replace(abroad.run, vantage=replace(abroad.run.vantage, probe_cc="DE")))
    write_run(abroad, Path("results"), parquet=False)
    assert [span["said"] for span in told(TARGET)["history"]] == ["ok", "blocked tls.reset.sni"]


@pytest.mark.parametrize("word", ["", "signal", TARGET])
def test_lines_are_harmless(word: str) -> None:
    result = call(*filter(None, [word]), "--details")
    assert result.exit_code == 0, result.output
    assert "\x1b" not in result.output


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.references: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.references += [name for name, _ in attrs if name in ("src", "href", "srcset", "action", "data")]


@pytest.mark.parametrize("word", ["", "signal", TARGET, "20170504T060000Z_a"])
def test_the_page_holds_no_script_and_fetches_nothing(word: str) -> None:
    result = call(*filter(None, [word]), "--page", "page.html")
    assert result.exit_code == 0, result.output
    text = Path("page.html").read_text(encoding="utf-8")
    tags = _Tags()
    tags.feed(text)
    assert "script" not in tags.names
    assert tags.references == []
    assert "default-src 'none'" in text
    assert "\x1b" not in text
    assert "url(" not in text
    assert {"h1", "main", "table"} <= tags.names


@pytest.mark.parametrize("options", [(), ("--results", "my results")])
def test_the_page_does_not_tell_in_which_folder_the_results_lie(options: Sequence[str]) -> None:
    shutil.copytree("results", "my results")
    result = call(*options, "--page", "page.html")
    assert result.exit_code == 0, result.output
    commands = re.findall(r"probe show [^<]*", html.unescape(Path("page.html").read_text(encoding="utf-8")))
    assert commands
    assert not any("--results" in command for command in commands)
