"""The probabilities of every stored row, worked out again by plain sums over the two tables."""

from __future__ import annotations

import csv
import tarfile
import tomllib
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from frozen_rows import LABORATORY, is_of_part
from probe.catalogue.load import load_catalogue
from probe.catalogue.odds_table import BASE_RATES, LIKELIHOODS
from probe.core.tables.odds_words import CAUSES
from probe.core.verdicts import Verdict
from probe.judge.odds.findings import find_state
from probe.judge.odds.run_odds import list_run_odds
from probe.judge.odds.weigh import Odds
from probe.judge.verdicts.classify import list_decisions
from probe.session.run_verdicts import judge_endpoints_again, judge_stored_run
from probe.store.runs.run_reader import read_runs


def judge_folder(folder: Path) -> list[str]:
    """What is wrong with the rows of a scenario's runs; empty where nothing is."""
    catalogue, wrong = load_catalogue(search=False), []
    for result in read_runs(folder):
        verdicts, _ = judge_stored_run(result, catalogue)
        odds = list_run_odds(verdicts, list_decisions(judge_endpoints_again(result, catalogue)), cc="", lab=True)
        wrong += [f"{folder.name} {v.target_id}: {why}" for v in verdicts if v.target_id in odds
                  for why in find_faults(v, odds[v.target_id][1])]
    return wrong


def find_faults(verdict: Verdict, odds: Odds) -> Iterator[str]:
    said = {cause: getattr(verdict, f"p_{cause}") for cause in CAUSES}
    if round(sum(said.values()), 9) != 1:
        yield f"the sum of {said}"
    by_hand = add_up(odds, find_state(verdict))
    if any(abs(said[cause] - by_hand[cause]) > 0.001 for cause in CAUSES):
        yield f"{said}, by hand {by_hand}"
    if verdict.outcome == "blocked" and said["blocked"] < 0.5:
        yield f"blocked, which {said['blocked']} does not bear"
    if verdict.if_blocked and (said["blocked"] < 0.5 or verdict.outcome == "ok"):
        yield f"if_blocked {verdict.if_blocked}"


def add_up(odds: Odds, state: str) -> dict[str, float]:
    """As the page of the sums says, with nothing of the program but the words that were found."""
    rates, lines, words = read_tables()
    rate = rates["fails"]["laboratory"] if state == "fails" else rates["answers"]
    base = {cause: rate[cause] / sum(rate[each] for each in CAUSES) for cause in CAUSES}
    product = dict(base)
    strange = rates["unforeseen"] / (1 - rates["unforeseen"])
    for term in odds.terms:
        line = lines.get((state, term.group, term.word))
        strength = rates["strength"]["conclusion" if term.group == "conclusion" else "others"]
        if line:
            product = {cause: part * float(line[cause]) ** strength for cause, part in product.items()}
            strange *= words[state, term.group] ** -strength
    known = sum(product.values())
    unforeseen = max(rates["unforeseen"], strange / (strange + known))
    return {cause: (1 - unforeseen) * product[cause] / known + unforeseen * base[cause] for cause in CAUSES}


@cache
def read_tables() -> tuple[dict[str, Any], Mapping[tuple[str, str, str], Mapping[str, str]], Mapping[Any, int]]:
    with LIKELIHOODS.open(newline="") as file:
        lines = {(row["state"], row["group"], row["word"]): row for row in csv.DictReader(file)}
    words = {(state, group): sum(key[:2] == (state, group) for key in lines) for state, group, _ in lines}
    return tomllib.loads(BASE_RATES.read_text()), lines, words


def check_stored(folder: Path, *, part: bool) -> None:
    with tarfile.open(LABORATORY) as packed:
        packed.extractall(folder, filter="data")
    scenarios = [path for path in sorted(folder.iterdir()) if not part or is_of_part(f"laboratory/{path.name}")]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
        wrong = [line for lines in processes.map(judge_folder, scenarios, chunksize=8) for line in lines]
    assert len(scenarios) > 50
    assert not wrong, "\n".join(wrong[:20])


def test_a_part_of_the_stored_rows_adds_up(tmp_path: Path) -> None:
    check_stored(tmp_path, part=True)


@pytest.mark.slow
def test_every_stored_row_adds_up(tmp_path: Path) -> None:
    check_stored(tmp_path, part=False)
