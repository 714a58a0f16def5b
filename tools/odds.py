"""Fit what findings weigh (probe/catalogue/likelihoods.csv), and say what the probabilities are worth.

    probe lab score --consent-level 1 --level socket --keep FOLDER   first make runs whose truth is known; several times
    python tools/odds.py FOLDER...              judge them again, and score each family by a table without it
    python tools/odds.py FOLDER... --write      and then store the table that all of them give
    python tools/odds.py FOLDER... --as-stored   score the stored table instead, as for strangers' scenarios
        --scenarios tests/lab/strangers/2026-12  where their files are
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / folder) for folder in (".", "analysis", "operate", "lab", "tools")]

from odds_fit import Example, fit_table, score_examples  # noqa: E402
from probe.catalogue.load import load_catalogue  # noqa: E402
from probe.catalogue.odds_table import LIKELIHOODS, LikelihoodTable, load_likelihoods  # noqa: E402
from probe.catalogue.types import Catalogue  # noqa: E402
from probe.core.tables.odds_words import CAUSES  # noqa: E402
from probe.judge.odds.findings import find_state  # noqa: E402
from probe.judge.odds.run_odds import list_run_findings  # noqa: E402
from probe.judge.verdicts.classify import list_decisions  # noqa: E402
from probe.session.run_verdicts import judge_endpoints_again, judge_stored_run  # noqa: E402
from probe.store.runs.run_reader import read_runs  # noqa: E402
from probe_lab.draw import TARGET, draw_scenario  # noqa: E402
from probe_lab.format.scenario import load_scenario, read_scenario  # noqa: E402
from probe_lab.scoring.convictions import Log  # noqa: E402
from probe_lab.scoring.expect import judge  # noqa: E402
from probe_lab.scoring.looks import list_looks  # noqa: E402
from probe_lab.scoring.trial import Line, read_rows  # noqa: E402
from probe_lab.scoring.true_cause import find_true_cause  # noqa: E402
from probe_lab.truth import read_log  # noqa: E402

PROCESSES = 2


@cache
def _catalogue() -> Catalogue:
    return load_catalogue(search=False)


def read_trial(folder: Path, scenarios: Path | None = None) -> list[Example]:
    """The targets of one kept trial whose scenario proves something, judged by today's rules."""
    name, seed, level = folder.name.rsplit("-", 2)
    scenario = read_scenario(scenarios / f"{name}.toml") if scenarios else load_scenario(name)
    drawn = draw_scenario(Line().under(scenario), seed=int(seed), endpoints=_catalogue().endpoints)
    *_, result = read_runs(folder / "results")
    log = read_log(folder / "truth.jsonl")
    judged = judge(drawn, read_rows(folder / "results", "verdicts"), read_rows(folder / "results", "runs")[-1], log,
                   level=level, helpers=True)
    if judged.invalid:
        return []
    verdicts, _ = judge_stored_run(result, _catalogue())
    found = judge_endpoints_again(result, _catalogue())
    findings = list_run_findings(verdicts, list_decisions(found))
    acts, expected = Log(log, drawn), {row.subject: row.outcomes for row in judged.rows}
    looks = list_looks(scenario)
    examples = []
    for verdict in verdicts:
        inputs = (*drawn.aliases.get(f"{TARGET}{verdict.target_id}", ()), verdict.input)
        subject = next((url for url in inputs if url in expected), "")
        if subject and verdict.target_id in findings:
            causes = acts.of(subject).causes
            examples.append(Example(
                situation=scenario.situation, kind=scenario.kind, family=looks[0] if looks else scenario.situation,
                state=find_state(verdict), findings=findings[verdict.target_id], verdict=verdict, causes=causes,
                true=find_true_cause(drawn, expected[subject], verdict.outcome, causes)))
    return examples


def read_folders(folders: Iterable[Path], scenarios: Path | None) -> list[Example]:
    """All trials that were kept there, and left results."""
    trials = sorted(trial for folder in folders for trial in folder.iterdir()
                    if (trial / "truth.jsonl").exists() and any((trial / "results").glob("runs/date=*/*.csv")))
    with ProcessPoolExecutor(PROCESSES) as processes:
        return [example for part in processes.map(partial(read_trial, scenarios=scenarios), trials, chunksize=8)
                for example in part]


def leave_families_out(examples: Sequence[Example]) -> list[tuple[Example, LikelihoodTable]]:
    """Each example, with the table that all others give: of no situation and no family that is its own."""
    families: defaultdict[str, list[Example]] = defaultdict(list)
    for example in examples:
        families[example.family].append(example)
    pairs = []
    for members in families.values():
        own = {example.situation for example in members}
        table = fit_table([e for e in examples if e.family != members[0].family and e.situation not in own])
        pairs += [(example, table) for example in members]
    return pairs


def write_table(table: LikelihoodTable, path: Path = LIKELIHOODS) -> None:
    """Store a table."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("state", "group", "word", *CAUSES, "classes"))
        writer.writerows((*key, *(f"{line.of[cause]:.4g}" for cause in CAUSES), line.classes)
                         for key, line in sorted(table.lines.items()))


def main(arguments: Sequence[str] | None = None) -> int:
    """Score, and fit where asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER", help="what `probe lab score --keep` wrote")
    parser.add_argument("--scenarios", type=Path, help="folder of the scenarios, if they are not the packaged ones")
    parser.add_argument("--as-stored", action="store_true", help="score by the stored table")
    parser.add_argument("--write", action="store_true", help="store the table that these runs give")
    wanted = parser.parse_args(arguments)
    if wanted.write and wanted.scenarios:
        parser.error("strangers' scenarios are scored, never fitted")
    examples = read_folders(wanted.folders, wanted.scenarios)
    stored = [(example, load_likelihoods()) for example in examples] if wanted.as_stored else None
    print("\n".join(score_examples(stored or leave_families_out(examples))))
    if wanted.write:
        write_table(fit_table(examples))
        print(f"Stored {LIKELIHOODS.relative_to(ROOT)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
