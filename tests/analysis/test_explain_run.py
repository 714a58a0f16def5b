"""`probe explain RUN_ID TARGET`: from a row of results to the rule, to what it read, and to what it saw."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from in_order import in_order
from made_up_net import FRAME, Net, walk
from observations import HERE4, NOWHERE, RESET, TIMEOUT, lookup, observation, plain_visit, replace_flat
from probe.catalogue.load import load_catalogue
from probe.catalogue.types import Catalogue
from probe.cli.main import cli
from probe.core.helper_bytes import TEST_BYTES
from probe.core.languages import LANGUAGES, SOURCE, LanguageCode
from probe.core.observations import Observation
from probe.core.runs import Run, RunResult, Vantage
from probe.core.tables.block_types import BLOCK_TYPES
from probe.core.tables.failures import Failure, open_failure
from probe.core.tables.purposes import Purpose
from probe.core.tables.words import read_word
from probe.core.translation import load_catalogue_of
from probe.core.verdicts import Verdict
from probe.judge.flow.foreign_flows import TURNS
from probe.judge.flow.transfer_evidence import SAMPLE, YARDSTICK
from probe.judge.network.ladder_evidence import format_ladder
from probe.judge.path.all_rules import list_rules
from probe.session.ladder_controls import choose_ladder_controls, gather_ladder
from probe.session.observation_log import ObservationLog
from probe.session.run_verdicts import judge_log
from probe.session.selection import select_sites
from probe.store.runs.run_writer import write_run
from probe.upkeep.commands.exit_codes import EXIT_FAILED, EXIT_USAGE
from probe_analysis.populations.population_rules import POPULATION_RULES

URL, TARGET = "https://web.threema.ch/", "threema.web.client"
RUN_ID, RESULTS = "20170504T100000Z_1a2b3c4d", Path("results")
CHANNELS = ("system", "network", "public", "tcp", "doh")
HONEST: dict[str, tuple[str, ...] | str] = dict.fromkeys(CHANNELS, (HERE4,))
RULES = {rule.id: rule for rule in list_rules()}
WHYS = {rule_id: rule.why for rule_id, rule in RULES.items()} | {rule.id: rule.why for rule in POPULATION_RULES}
TRANSLATED = [code for code in LANGUAGES if code != SOURCE]


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, in_folder: Path) -> None:
    monkeypatch.setattr("probe.config.settings.SEARCH_PATHS", ())
    monkeypatch.delenv("PROBE_CONFIG", raising=False)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(None, search=False)


def recorded(catalogue: Catalogue, net: Net, run_id: str = RUN_ID, url: str = URL,
             beside: Sequence[Observation] = ()) -> RunResult:
    """A run over one page, on a network whose controls answer; `beside` was seen after the visits."""
    chosen = select_sites(catalogue, tier=3, cc="RU", consent_level=1, families=(4,), seed=1, inputs=frozenset({url}))
    book = ObservationLog(run_id)
    book.add(lookup(HERE4, purpose="ladder", name="www.example.com"))
    for e in choose_ladder_controls(catalogue, "RU")[:4]:
        for seen in plain_visit(met_expectation="yes"):
            book.add(replace(seen, purpose="ladder", input=e.input, target_id=""))
    for site in chosen.sites:
        walk(site, net, book=book, context=replace(FRAME, innocent="www.example.com"))
    for seen in beside:
        book.add(seen)
    ladder = gather_ladder(catalogue, "RU", book.observations, has_ipv4=True, has_ipv6=False, gateway="answers")
    verdicts, services = judge_log(catalogue, chosen, book, ladder, cc="RU")
    run = Run(run_id=run_id, measurement_start_time="2017-05-04T10:00:00Z", seed=1, ladder=format_ladder(ladder),
              vantage=Vantage(probe_cc="RU", families=(4,)))
    return RunResult(run=run, observations=tuple(book.observations), controls=tuple(book.controls), verdicts=verdicts,
                     services=services)


def keep(result: RunResult) -> RunResult:
    write_run(result, RESULTS, parquet=False)
    return result


def explain(*arguments: str, code: LanguageCode = SOURCE) -> Result:
    return CliRunner().invoke(cli, ("--lang", code, "explain", *arguments, "--results", str(RESULTS)))


def explained(*arguments: str, code: LanguageCode = SOURCE) -> dict[str, Any]:
    result = explain(*arguments, "--json", code=code)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.output)
    return found


RESET_NET = Net(dns=HONEST, cuts={HERE4: ("tls", RESET)})
NETS = [
    pytest.param(Net(dns=HONEST), "tls/proven", HERE4, id="well"),
    pytest.param(RESET_NET, "path/unplaced", HERE4, id="reset by name"),
    pytest.param(Net(dns=HONEST, cuts={HERE4: ("connect", TIMEOUT)}), "ip/lost_somewhere", HERE4,
                 id="lost"),
    pytest.param(Net(dns=HONEST | dict.fromkeys(("system", "network"), (NOWHERE,))), "dns/false_answer_here_only", "",
                 id="a false answer"),
]


@pytest.mark.parametrize(("net", "rule_id", "address"), NETS)
def test_a_verdict_leads_to_its_rule_and_to_what_that_read(catalogue: Catalogue, root: Path, net: Net, rule_id: str,
                                                           address: str) -> None:
    stored = keep(recorded(catalogue, net))
    (row,) = stored.verdicts
    told = explained(RUN_ID, TARGET)
    assert told["verdict"] == told["stored"] == json.loads(json.dumps(as_row(row)))
    assert not told["judged_otherwise"]
    rule = told["rule"]
    assert (rule["id"], rule["why"]) == (rule_id, RULES[rule_id].why)
    assert f'"{rule_id}"' in (root / rule["file"]).read_text(encoding="utf-8").splitlines()[rule["line"] - 1]
    assert told["address"] == address
    assert told["fields"]
    assert [o["observation_id"] for o in told["observations"]] == list(row.evidence)
    other = told["ruled_out"]
    assert (other["outcome"], other["block_type"]) != (row.outcome, row.block_type)
    assert RULES[other["id"]].why == other["why"]


def lent(address: str, hostname: str, failure: Failure = "", about: str = URL) -> list[Observation]:
    """A name at a helper's server."""
    there = observation(operation="connect", purpose="foreign_helper", address=address, port=443, hostname=hostname,
                        input=about)
    return [there, replace(there, operation="tls_handshake", failure=failure)]


def test_what_a_name_met_at_helpers_is_listed_and_nothing_of_other_names(catalogue: Catalogue) -> None:
    innocent, own, other = "www.example.com", "web.threema.ch", "another.example"
    helpers = ("45.32.10.11", "51.15.60.61")
    asked: tuple[tuple[str, Failure], ...] = (
        (innocent, ""), (own, RESET), (own, RESET), (own, RESET), (innocent, ""))
    at_helpers = [seen for helper in helpers for hostname, failure in asked for seen in lent(helper, hostname, failure)]
    others = [seen for helper in helpers for seen in lent(helper, other, RESET, about=f"https://{other}/")]
    (row,) = keep(recorded(catalogue, RESET_NET, beside=[*at_helpers, *others])).verdicts
    assert (row.outcome, row.basis) == ("blocked", "place")
    listed = explained(RUN_ID, TARGET)["observations"][len(row.evidence):]
    assert [(o["address"], o["hostname"], o["failure"]) for o in listed] == [
        (o.address, o.hostname, o.failure) for o in at_helpers]
    assert f"{own} foreign_helper  {RESET}" in explain(RUN_ID, TARGET).output


def flow(purpose: Purpose, address: str, hostname: str, *, slow: bool) -> Observation:
    """A transfer for the sake of the page, of the bytes that helpers give."""
    return observation(operation="transfer", purpose=purpose, address=address, port=443, hostname=hostname, input=URL,
                       sni=hostname, method="GET", status=200, body_bytes=TEST_BYTES, min_rtt_ms=50.0,
                       bytes_read=40_000 if slow else TEST_BYTES, flow_s=5.9 if slow else 0.6, t_s=6.0 if slow else 0.6)


def test_what_transfers_met_at_helpers_is_listed_too(catalogue: Catalogue) -> None:
    innocent, own = "www.example.com", "web.threema.ch"
    home = [flow(purpose, HERE4, name, slow=name == own) for _ in range(4)
            for purpose, name in ((SAMPLE, own), (YARDSTICK, innocent))]
    at_helpers = [flow("foreign_helper", helper, own if mine else innocent, slow=mine)
                  for helper in ("45.32.10.11", "51.15.60.61") for mine in TURNS]
    (row,) = keep(recorded(catalogue, Net(dns=HONEST), beside=[*home, *at_helpers])).verdicts
    assert (row.block_type, row.basis) == ("flow.throttle.sni", "place")
    listed = explained(RUN_ID, TARGET)["observations"][len(row.evidence):]
    assert [(o["address"], o["hostname"]) for o in listed] == [(o.address, o.hostname) for o in at_helpers]


def as_row(verdict: Verdict) -> dict[str, Any]:
    return {name: getattr(verdict, name) for name in Verdict.__dataclass_fields__}


def test_what_the_rule_read_has_the_values_of_the_evidence(catalogue: Catalogue) -> None:
    keep(recorded(catalogue, RESET_NET))
    told = explained(RUN_ID, TARGET)
    fields = {field["name"]: field["value"] for field in told["fields"]}
    assert fields["path.failure"] == RESET
    assert fields["path.innocent"] == "reached"
    assert fields["path.controls.ok"] > 0
    assert told["ruled_out"]["field"]["name"]


def test_the_text_tells_the_same(catalogue: Catalogue) -> None:
    stored = keep(recorded(catalogue, RESET_NET))
    text = explain(RUN_ID, TARGET).output
    told = explained(RUN_ID, TARGET)
    (row,) = stored.verdicts
    for word in (RUN_ID, TARGET, URL, row.block_type, row.rule_id, f"{told['rule']['file']}:{told['rule']['line']}",
                 told["ruled_out"]["id"], *row.evidence, *(field["name"] for field in told["fields"])):
        assert word in text


def plain(text: str) -> str:
    """Without signs of direction."""
    return "".join(sign for sign in text if not "\u2066" <= sign <= "\u2069")


def translated(text: str, code: LanguageCode) -> str:
    return load_catalogue_of(code, "probe").messages[text][0]


@pytest.mark.parametrize("code", TRANSLATED)
@pytest.mark.parametrize("rule_id", ["tls/reset_sni_control", "dns/two_answers", "net/well", "pop/unplaced"])
def test_a_rule_is_explained_in_the_language(rule_id: str, code: LanguageCode) -> None:
    said = plain(CliRunner().invoke(cli, ("--lang", code, "explain", rule_id)).output)
    assert translated(WHYS[rule_id], code) in said
    assert WHYS[rule_id] not in said
    assert WHYS[rule_id] in CliRunner().invoke(cli, ("explain", rule_id)).output


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_verdict_is_explained_in_the_language_and_its_json_in_english(catalogue: Catalogue,
                                                                       code: LanguageCode) -> None:
    keep(recorded(catalogue, RESET_NET))
    told = explained(RUN_ID, TARGET)
    assert explained(RUN_ID, TARGET, code=code) == told
    said = plain(explain(RUN_ID, TARGET, code=code).output)
    english = {told["rule"]["why"], told["ruled_out"]["why"], told["neighbour"]["test"], told["verdict"]["reason"]}
    assert all(translated(text, code) in said and text not in said for text in english)
    assert all(word in said for word in (RUN_ID, TARGET, told["rule"]["id"], told["verdict"]["block_type"]))


def test_captured_packets_are_told_as_files_write_them(catalogue: Catalogue) -> None:
    stored = recorded(catalogue, RESET_NET)
    texts = ("0.00|out|64|20154|1|S|0|0|64240|0", "354.59|in|57|17366|1|AR|1|518|1435|0")
    keep(replace(stored, observations=tuple(replace_flat(o, packets=texts) for o in stored.observations)))
    for row in explained(RUN_ID, TARGET)["observations"]:
        assert row["packets"] == list(texts)
    assert in_order(explain(RUN_ID, TARGET).output, *texts)


def test_a_row_that_todays_rules_judge_otherwise_is_shown_beside_theirs(catalogue: Catalogue) -> None:
    result = recorded(catalogue, RESET_NET)
    (row,) = result.verdicts
    old = replace(row, block_type="tls.reset", rule_id="tls/of_old", confidence=0.5)
    keep(replace(result, verdicts=(old,)))
    told = explained(RUN_ID, TARGET)
    assert told["judged_otherwise"]
    assert (told["stored"]["rule_id"], told["verdict"]["rule_id"]) == ("tls/of_old", row.rule_id)
    assert "tls/of_old" in explain(RUN_ID, TARGET).output


@pytest.mark.parametrize("arguments", [(RUN_ID, URL), ("2017", TARGET), ("20170504T1", URL)])
def test_run_and_target_may_be_named_in_other_ways(catalogue: Catalogue, arguments: tuple[str, ...]) -> None:
    keep(recorded(catalogue, RESET_NET))
    assert explained(*arguments) == explained(RUN_ID, TARGET)


@pytest.mark.parametrize(("arguments", "named"), [
    (("20170504T100000Z", TARGET), (RUN_ID, "20170504T100000Z_2")),
    (("20170504T100000Z_1a2b3c4e", TARGET), (RUN_ID,)),
    ((RUN_ID, "threema.web.cliemt"), (TARGET,)),
    ((RUN_ID, "https://web.threema.hc/"), (URL,)),
    (("\x1b[2Jx", TARGET), (str(RESULTS), RUN_ID)),
    ((RUN_ID, "-"), (TARGET, URL)),
])
def test_what_is_not_there_is_said_with_what_is_like_it(catalogue: Catalogue, arguments: tuple[str, ...],
                                                        named: tuple[str, ...]) -> None:
    keep(recorded(catalogue, RESET_NET))
    keep(recorded(catalogue, RESET_NET, run_id="20170504T100000Z_2"))
    result = explain(*arguments)
    assert (result.exit_code, type(result.exception)) == (EXIT_FAILED, SystemExit)
    message = " ".join(result.output.split())
    assert all(name in message for name in named)
    assert "\x1b" not in result.output


def test_what_the_catalogue_expects_needs_no_rule_of_a_table(catalogue: Catalogue) -> None:
    closed = next(e for e in catalogue.endpoints if e.status == "dead" and e.protocol == "dns")
    keep(recorded(catalogue, Net(dns=dict.fromkeys(HONEST, "dns_nxdomain_error")), url=closed.input))
    told = explained(RUN_ID, closed.target_id)
    assert (told["rule"]["id"], told["fields"], told["ruled_out"]) == ("dns/service_closed", [], None)
    assert told["rule"]["file"].endswith("classify.py")
    assert "dns/service_closed" in explain(RUN_ID, closed.input).output


def test_a_folder_without_results_is_told() -> None:
    result = explain(RUN_ID, TARGET)
    assert result.exit_code == EXIT_FAILED
    assert str(RESULTS) in result.output


HOSTILE = "\x1b]0;owned\x07\u202egnp.exe\r\nblocked"


def hostile(result: RunResult) -> RunResult:
    """Whatever a file may hold of strange text."""
    seen = tuple(replace(o, failure=open_failure(o.failure and HOSTILE), reason=HOSTILE,
                         address=o.address or HOSTILE) for o in result.observations)
    rows = tuple(replace(v, reason=HOSTILE, hop=HOSTILE, rule_id=HOSTILE, block_type=read_word(HOSTILE, BLOCK_TYPES))
                 for v in result.verdicts)
    return replace(result, observations=seen, verdicts=rows)


def untried(result: RunResult) -> RunResult:
    (row,) = result.verdicts
    return replace(result, observations=(), verdicts=(replace(row, outcome="not_attempted", rule_id=""),))


@pytest.mark.parametrize("code", [SOURCE, "fa"])
@pytest.mark.parametrize("changed", [hostile, untried])
def test_strange_rows_are_shown_and_move_no_terminal(catalogue: Catalogue, code: LanguageCode,
                                                     changed: Callable[[RunResult], RunResult]) -> None:
    keep(changed(recorded(catalogue, RESET_NET)))
    result = explain(RUN_ID, TARGET, code=code)
    assert result.exit_code == 0, result.output
    assert not {"\x1b", "\x07", "\u202e", "\r"} & set(result.output)
    assert explain(RUN_ID, TARGET, "--json").exit_code == 0


def test_a_target_that_the_catalogue_no_longer_has_keeps_its_stored_verdict(catalogue: Catalogue) -> None:
    keep(recorded(catalogue, RESET_NET))
    head, *rows = Path(catalogue.path).read_text(encoding="utf-8").splitlines()
    Path("less.csv").write_text("\n".join([head, *(row for row in rows if not row.startswith(f"{TARGET},"))]) + "\n")
    told = explained(RUN_ID, TARGET, "--catalogue", "less.csv")
    assert not told["in_catalogue"]
    assert told["verdict"] == told["stored"]
    assert told["observations"]


def test_words_are_explained_as_before_and_need_no_results() -> None:
    assert CliRunner().invoke(cli, ("explain", "down", "tls.reset.sni")).exit_code == 0
    assert explain("down").exit_code == EXIT_USAGE
