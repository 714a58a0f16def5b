"""Documents that are made from tables equal what the tables say, and every command is in the reference."""

from __future__ import annotations

import dataclasses
import importlib.util
import re
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pytest

from probe.catalogue.load import load_catalogue
from probe.catalogue.proof_strength import rate_proof
from probe.cli.command_table import COMMANDS
from probe.instruments.hops import hop_search, locate_udp, trace, ttl_flow
from probe.instruments.streams.http_parts import MAX_BODY_BYTES
from probe.instruments.visits import transfer
from probe.judge.flow.transfer_evidence import ENOUGH_DEAD
from probe.judge.tls.foreign_names import ELSEWHERE_ATTEMPTS
from probe.session import pacer, run_loop
from probe.session.make_run import HELPER_TIMEOUT_S
from probe.session.planning import control_plan, flow_plan, flow_suspects, foreign_plan, residual_plan, shape_plan
from probe.session.planning import locate_plan as plan_locate
from probe.session.planning.certificate_tries import ENOUGH_REFUSALS
from probe.session.planning.plan_context import PlanContext
from probe.session.run_plan import SLOTS_S
from probe_lab.box.actions import ACTIONS
from probe_lab.box.parameters import KINDS
from probe_lab.cli.lab_score import score as score_command
from probe_lab.format import guide
from probe_lab.format.fronts import FrontSpec
from probe_lab.format.scenario import Filter, Scenario, read_scenario
from probe_lab.lab_types import Censor, Expect
from probe_lab.servers.faults import FAULTS
from project_root import ROOT


@pytest.fixture(scope="module")
def docs() -> ModuleType:
    path = ROOT / "tools" / "docs.py"
    spec = importlib.util.spec_from_file_location("docs_tool", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_documents_are_up_to_date(docs: ModuleType, root: Path) -> None:
    pinned = f"click=={version('click')}" in (root / "requirements" / "ci.txt").read_text(encoding="utf-8").split()
    stale = [path.name for path, text in docs.documents().items() if path.read_text(encoding="utf-8") != text
             and (pinned or path.name not in ("probe.1", "commands.md"))]  # click's own words change with it
    assert not stale, f"run `make docs`: {stale}"


@pytest.mark.parametrize(("url", "word"), [
    ("tcpconnect://149.154.167.51:443", "A"), ("https://web.whatsapp.com/", "A"),
    ("stun://turn2.voip.signal.org:3478", "B"),
])
def test_the_strength_of_an_answer_follows_from_protocol_and_certificate(docs: ModuleType, url: str, word: str) -> None:
    (endpoint,) = [e for e in load_catalogue(None, search=False).endpoints if e.input == url]
    assert rate_proof(endpoint) == word
    assert rate_proof(replace(endpoint, protocol="tcp", sni="")) == "C"


def test_a_changed_table_would_show(docs: ModuleType) -> None:
    places = "".join(f"<!-- table: {name} -->\n(stale)\n<!-- end -->\n" for name in ("outcomes", "block types"))
    tables = {"outcomes": docs.outcomes(), "block types": docs.block_types()}
    now = docs.filled(f"before\n{places}after", tables, name="results.md")
    assert "(stale)" not in now
    assert "inconclusive" in now
    assert "tls.reset.sni" in now
    assert now.startswith("before\n")
    assert now.endswith("after")


def test_a_table_without_a_place_is_noticed(docs: ModuleType) -> None:
    with pytest.raises(ValueError, match=r"results\.md .* x$"):
        docs.filled("nothing here", {"x": "y"}, name="results.md")


def test_the_reference_names_every_command(root: Path) -> None:
    text = (root / "docs" / "commands.md").read_text(encoding="utf-8")
    assert not [name for name in COMMANDS if f"\n## probe {name}\n" not in text]


def test_the_design_says_what_a_failure_may_cost(root: Path) -> None:
    """The table of costs names today's constants."""
    kb = transfer.MAX_BYTES // 1000
    page, read_on = round(MAX_BODY_BYTES / 1000 + 0.5), flow_suspects.READ_ON_BYTES // 1000
    first, second = (f"{after_s:.0f}" for after_s in SLOTS_S)
    spread_s = round(trace.MAX_TTL * (trace.APART_S + trace.WAIT_S))
    together_s = round(trace.WAIT_S * trace.MAX_TTL / trace.TOGETHER + 0.5)
    plain = PlanContext()
    addresses = 2 * plain.addresses_per_family - 1  # of IPv6 one
    wait_s = f"{plain.timeout_s:.0f}"
    rows = [
        f"each of {addresses} addresses | {plain.attempts - 1} after silence, "
        f"{plain.quick_attempts - 1} after a connection was cut off, "
        f"{ENOUGH_REFUSALS - 1} after a refused certificate | "
        f"{page} kB a page, {read_on} with level {flow_suspects.CONSENT} | {wait_s} each, {plain.timeout_s + 2:.0f}",
        f"{shape_plan.PATIENCE_S:.0f} each |",
        f"{foreign_plan.NAMES_PER_SERVER} names a run, level {foreign_plan.ELSEWHERE_LEVEL} | "
        f"{ELSEWHERE_ATTEMPTS + 2} there, at most {foreign_plan.MOST_ATTEMPTS + foreign_plan.MOST_INNOCENTS} |",
        f"2 for each of {len(SLOTS_S)} slots | {page} kB a page | {wait_s} each, after {first} and {second} |",
        f"1, with level {residual_plan.CONSENT_LEVEL} {residual_plan.MAX_ASKED} | 5 kB each | {wait_s} each, up to "
        f"{residual_plan.AFTER_S[-1]:.0f} after |",
        f"{trace.MAX_TTL} SYNs there, to an address beside it and to each of 3 others | 2 kB each | {together_s}, "
        f"spread {spread_s} |",
        f"{2 * trace.MAX_TTL} datagrams a port",
        f"{run_loop.MAX_SEARCHES} a run, level {plan_locate.CONSENT_LEVEL} | {hop_search.MAX_FLOWS}, and "
        f"{locate_udp.MAX_TTL} datagrams, {trace.MAX_TTL} SYNs there and to each of 3 others | 10 kB | "
        f"{ttl_flow.FLOW_S:.0f} each |",
        f"{flow_suspects.MAX_GLANCES} glances and {flow_suspects.MAX_SITES} sites a run, "
        f"level {flow_suspects.CONSENT} | 1 a glance, {ENOUGH_DEAD} where it is dead; "
        f"{flow_plan.MOST_HERE} a site and {flow_plan.MOST_ELSEWHERE} elsewhere | {kb} kB each | "
        f"{transfer.LONG_S:.0f} each, {transfer.PIECES_S:.0f} in pieces |",
        f"{run_loop.MAX_ASKS} a run | 1 each, about {control_plan.MAX_ASKED} addresses | 5 kB | "
        f"{HELPER_TIMEOUT_S:.0f} |",
    ]
    text = (root / "docs" / "design.md").read_text(encoding="utf-8")
    words = {2: "two", 3: "three", 4: "four"}
    window = {10: "ten"}[round(pacer.TLS_WINDOW_S)]
    assert f"{words[pacer.TLS_PER_ADDRESS]} TLS connections in {window} seconds" in " ".join(text.split())
    assert [row for row in rows if row not in text] == []


# --- the laboratory's guide


@pytest.fixture(scope="module")
def lab_guide() -> str:
    return (ROOT / "docs" / "lab.md").read_text(encoding="utf-8")


def test_the_guide_holds_every_trigger_action_and_fault(lab_guide: str) -> None:
    wanted = [*(f"| `{row}` |" for row in (*FAULTS, *(name.strip("`") for name, _ in guide.triggers())))]
    wanted += [f"#### `{name}`\n" for name in ACTIONS]
    assert not [text for text in wanted if text not in lab_guide]


def test_every_kind_of_value_is_put_in_words() -> None:
    assert all(guide.values(kind) for kind in KINDS)
    assert guide.values("direction") == "`both`, `client`, `server`"


def test_parameters_that_all_actions_share_are_told_once() -> None:
    common = {name for name, *_ in guide.common_parameters()}
    assert "`probability`" in common
    for action in ACTIONS.values():
        own = {name for name, *_ in guide.own_parameters(action)}
        assert not own & common
        assert own | common == {f"`{name}`" for name in action.parameters}


def test_every_field_of_a_scenario_is_explained(lab_guide: str) -> None:
    own_words = {"name", "draw", "company", "world", "rules", "faults", "censor", "expects", "outcomes", "block_types",
                 "alias", "needs", "below", "fronts", "front_program", "act", "file"}
    classes: tuple[type, ...] = (Scenario, Filter, Expect, Censor, FrontSpec)
    fields = {field.name for each in classes for field in dataclasses.fields(each)} - own_words
    fields |= {"outcome", "block_type", "needs", "rtt_ms", "hops", "censor_hop", "door_hops", "private_hops", "loss",
               "clock_shift_s", "helpers"}
    assert not [field for field in sorted(fields) if f"`{field}`" not in lab_guide]
    assert not [part for part in ("[draw.ALIAS]", "[company]", "[world]", "[[rule]]", "[[fault]]", "[[expect]]",
                                  "[censor]", "[[front]]", "[front_program]") if part not in lab_guide]


def test_the_example_of_the_guide_is_a_scenario(lab_guide: str, tmp_path: Path) -> None:
    example = lab_guide.partition("<!-- example -->\n```toml\n")[2].partition("```")[0]
    path = tmp_path / "mine.toml"
    path.write_text(example, encoding="utf-8")
    scenario = read_scenario(path)
    assert (scenario.kind, [rule.action for rule in scenario.rules]) == ("censorship", ["reset"])
    rule = example.partition("[[rule]]")[2].partition("[[expect]]")[0]
    assert len(rule.strip().splitlines()) <= 10


def test_links_within_the_documents_lead_somewhere(root: Path) -> None:
    for path in (root / "docs" / "lab.md", root / "share" / "score.md"):
        text = path.read_text(encoding="utf-8")
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            file, _, anchor = link.partition("#")
            target = path.parent / file if file else path
            assert target.is_file(), link
            heads = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert not anchor or anchor in {_anchor(head) for head in heads}, link


def _anchor(head: str) -> str:
    return re.sub(r"[^a-z0-9 _-]", "", head.lower()).replace(" ", "-")


def test_the_guide_uses_options_that_exist(lab_guide: str) -> None:
    options = {option for parameter in score_command.params for option in parameter.opts}
    used = {word for line in re.findall(r"^probe lab score(.*)$", lab_guide, re.MULTILINE)
            for word in re.findall(r"--[a-z-]+", line.partition("#")[0])}
    assert used
    assert used <= options


def test_the_score_says_nothing_of_the_machine_it_was_made_on(root: Path) -> None:
    text = (root / "share" / "score.md").read_text(encoding="utf-8")
    assert not re.search(r"(?<![\w.:/-])/(home|root|tmp|usr|var|mnt|opt)\b", text)
    assert "probe lab score" in text
    assert "False accusations" in text
