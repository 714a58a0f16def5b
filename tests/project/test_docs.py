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
from probe.session import pacer
from probe.session.planning.run_order import ROUNDS, STEPS, TURNS
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


def test_the_design_says_how_many_handshakes_an_address_gets(root: Path) -> None:
    words = {3: "three", 4: "four"}
    window = {10: "ten"}[round(pacer.TLS_WINDOW_S)]
    text = " ".join((root / "docs" / "design.md").read_text(encoding="utf-8").split())
    assert f"{words[pacer.TLS_PER_ADDRESS]} TLS connections in {window} seconds" in text


def test_the_order_of_a_run_is_drawn_row_by_row(docs: ModuleType) -> None:
    drawn = [line.split()[0] for line in docs.run_order_page.diagram().splitlines() if line.startswith("  ")]
    names = [*(round_.name for round_ in ROUNDS), *(row.name for row in STEPS), *TURNS]
    assert [name for name in drawn if name in names] == names


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
                 "alias", "needs", "below", "fronts", "front_program", "act", "file", "carrier"}
    classes: tuple[type, ...] = (Scenario, Filter, Expect, Censor, FrontSpec)
    fields = {field.name for each in classes for field in dataclasses.fields(each)} - own_words
    fields |= {"outcome", "block_type", "needs", "rtt_ms", "hops", "censor_hop", "door_hops", "private_hops", "loss",
               "clock_shift_s", "helpers", "carrier_hop", "[[carrier]]"}
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
