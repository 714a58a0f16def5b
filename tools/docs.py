"""Write the generated parts of the documents: tables in docs/results.md, docs/lab.md and docs/design.md,
docs/codebook.md, docs/rules.md, docs/commands.md, docs/services.md, docs/interop.md, docs/picture.svg, the manual page.

`python tools/docs.py` writes, `python tools/docs.py --check` only compares and fails where something differs.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

import commands_page  # noqa: E402
import interop  # noqa: E402
import manpage  # noqa: E402
import picture  # noqa: E402
import run_order_page  # noqa: E402
import services  # noqa: E402
from codebook import write_codebook  # noqa: E402
from grid import grid  # noqa: E402
from probe.catalogue.types import CatalogueError  # noqa: E402
from probe.core.tables.basis_words import BASES  # noqa: E402
from probe.core.tables.block_types import BLOCK_TYPES  # noqa: E402
from probe.core.tables.outcomes import OUTCOMES  # noqa: E402
from probe.judge.common.innocents_tried import cap_by_innocents  # noqa: E402
from probe.judge.common.rule import NEEDS  # noqa: E402
from probe.judge.path.all_rules import list_rules  # noqa: E402
from probe_analysis.explanation.rule_places import find_rule_places  # noqa: E402
from probe_analysis.populations.population_rules import POPULATION_RULES  # noqa: E402
from probe_analysis.tables.population_words import POPULATION_BASES, POPULATION_DOUBTS  # noqa: E402
from probe_lab.box.actions import ACTIONS  # noqa: E402
from probe_lab.format import guide  # noqa: E402


def outcomes() -> str:
    """The outcomes, for docs/results.md."""
    return grid(("outcome", "meaning"), [(f"`{o}`", text) for o, text in OUTCOMES.items()])


def block_types() -> str:
    """The block types that today's rules can reach, for docs/results.md."""
    reached = {rule.block_type for rule in list_rules()}
    rows = [(f"`{b.id}`", b.outcome, b.meaning, f"`{b.nearest}`: {b.test}")
            for b in BLOCK_TYPES.values() if b.id in reached]
    return grid(("block type", "outcome", "meaning", "the most similar cause, and what tells this one from it"), rows)


def rules() -> str:
    """docs/rules.md."""
    rows = [(f"`{r.id}`", r.outcome, f"`{r.block_type}`" if r.block_type else "", f"{cap_by_innocents(r):.2f}",
             ", ".join(r.rests_on), ", ".join(r.needs), r.why, f"`{Path(find_rule_places()[r.id].file).name}`")
            for r in list_rules()]
    bases = grid(("basis", "why it cannot have been the service itself"),
                 [(f"`{basis}`", text) for basis, text in BASES.items()])
    needs = grid(("need", "meaning"), [(f"`{n}`", text) for n, text in NEEDS.items()])
    table = grid(("rule", "outcome", "block type", "confidence", "rests on", "needs", "why", "file"), rows)
    return ("# The rules, in the order in which they are tried\n\n"
            "This page lists the rules that turn measurements into verdicts; `make docs` generates it from "
            "`probe/judge`. Some rules judge the whole network, some judge a name, and some judge a path "
            "(one address of one endpoint). For each of these three, the probe tries the rules in the order of this "
            "page. The first rule that holds decides.\n\n"
            "Each rule states a `confidence`. [The score](release-files.md) says for each confidence how many verdicts "
            "were right in the laboratory.\n\n"
            "The laboratory also simulates harmless situations that look like a block. For example, a server that "
            "resets all handshakes looks like the block `tls.reset`. For each kind of block, "
            "`probe/judge/common/innocents_tried.toml` lists the harmless situations that look like it and that no "
            "rule mistook for a block.\n\n"
            "The more harmless situations a rule was tested with, and never mistook for a block, the higher its "
            "confidence may be. With 8 situations it is at most 0.9; with m situations, (m + 1) / (m + 2)."
            "\n\n## What an accusation rests on\n\n"
            "A service's own servers can break connections just as a censor can: for example, they can reset a "
            "connection or never answer. So a rule that gives the verdict `blocked` needs evidence that the service "
            "is not the cause.\n\n"
            "The table lists the kinds of evidence that the service is not the cause, the strongest first. The "
            "column `basis` of a verdict names the strongest kind that the run found.\n\n"
            "If a run finds no such evidence, the verdict is `inconclusive.unplaced`, and the column `suspected` has "
            "the suspected cause. Other runs, or runs in other networks, may decide later. A verdict says where a "
            "block happens, never who ordered it."
            f"\n\n{bases}\n\n## What a rule needs\n\n{needs}\n\n## The rules\n\n{table}\n\n{population_rules()}\n")


def population_rules() -> str:
    """The rules by which many probes are judged together, for docs/rules.md."""
    rows = [(f"`{r.id}`", r.outcome, f"`{r.block_type}`" if r.block_type else "the pooled cause", r.basis, r.why)
            for r in POPULATION_RULES]
    bases = grid(("basis", "what it is"), [(f"`{basis}`", text) for basis, text in POPULATION_BASES.items()])
    doubts = grid(("word", "what could not be excluded"),
                  [(f"`{word}`", text) for word, text in POPULATION_DOUBTS.items()])
    return ("## The rules of a population\n\n"
            "The rules above judge one run. The rules below judge one target by the results of all probes of a network "
            "together ([analysis.md](analysis.md#verdicts-from-a-population)). The first rule that holds decides. The "
            "rules are in `analysis/probe_analysis/populations`."
            f"\n\n{grid(('rule', 'outcome', 'block type', 'basis', 'why'), rows)}\n\n{bases}\n\n{doubts}")


def actions() -> str:
    """What a rule of the laboratory's middlebox can do, with the parameters of each, for docs/lab.md."""
    head = ("parameter", "value", "default", "meaning")
    parts = []
    for name, action in ACTIONS.items():
        rows = guide.own_parameters(action)
        meaning = f"{action.meaning[0].upper()}{action.meaning[1:]}."
        parts += [f"#### `{name}`", meaning, f"Possible triggers: {guide.after(action)}.",
                  *([grid(head, rows)] if rows else ())]
    return "\n\n".join(parts)


def lab_tables() -> dict[str, str]:
    """The tables of docs/lab.md."""
    return {
        **{f"fields of {name}": grid(("field", "meaning"), guide.fields(name)) for name in guide.SECTIONS},
        "triggers": grid(("trigger", "fires when"), guide.triggers()),
        "common parameters": grid(("parameter", "value", "default", "meaning"), guide.common_parameters()),
        "actions": actions(),
        "served acts": grid(("action", "parameters", "meaning"), guide.served_acts()),
        "faults": grid(("fault", "layer", "parameters", "meaning"), guide.faults()),
    }


def filled(text: str, tables: Mapping[str, str], *, name: str) -> str:
    """A document with its generated tables renewed. Raises ValueError where a table has no place."""
    for title, table in tables.items():
        begin, end = f"<!-- table: {title} -->\n", "<!-- end -->"
        head, found, rest = text.partition(begin)
        if not found:
            raise ValueError(f"{name} has no place for the table of {title}")
        text = f"{head}{begin}{table}\n{end}{rest.partition(end)[2]}"
    return text


def documents() -> dict[Path, str]:
    """Every generated document and what it should hold."""
    tables = {
        ROOT / "docs" / "results.md": {"outcomes": outcomes(), "block types": block_types()},
        ROOT / "docs" / "lab.md": lab_tables(),
        ROOT / "docs" / "design.md": {"order": run_order_page.diagram(), "costs": run_order_page.costs()},
    }
    return {
        **{path: filled(path.read_text(encoding="utf-8"), own, name=path.name) for path, own in tables.items()},
        ROOT / "docs" / "codebook.md": write_codebook(),
        ROOT / "docs" / "rules.md": rules(),
        ROOT / "docs" / "services.md": services.page(),
        ROOT / "docs" / "interop.md": interop.page(),
        ROOT / "docs" / "commands.md": commands_page.page(),
        ROOT / "docs" / "picture.svg": picture.page(),
        ROOT / "share" / "man" / "man1" / "probe.1": manpage.page(),
    }


def main(check: bool) -> int:
    """Write or compare; returns the exit status."""
    try:
        made = documents()
    except CatalogueError as error:
        sys.exit(str(error))
    stale = [path for path, text in made.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        if check:
            print(f"{path.relative_to(ROOT)} is out of date: run `make docs`")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(made[path], encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
