"""Results of a few volunteers over some days, drawn by a seed, and their cells as naively as one can count them."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd

from probe.model import Run, RunResult, ServiceVerdict, Vantage, Verdict
from probe.store.read import read_runs
from probe.store.write import write_run
from probe.tables.outcomes import OUTCOMES

START = datetime(2026, 3, 1, tzinfo=UTC)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
TARGETS = (("a", "chat", "one"), ("a", "chat", "two"), ("a", "api", "x"), ("b", "web", "x"), ("control", "control", "c"))
KINDS = ("tls.reset.sni", "dns.injection", "ip.blackhole")
_COUNTED = tuple(OUTCOMES)
_ORDER = ("blocked", "down", "ok", "network", "local", "inconclusive", "not_attempted")


def a_run(number: int, start: datetime, draw: random.Random, *, lab: bool = False, probe: int = 0) -> RunResult:
    """A run with a verdict of every target, and of roles, whatever comes."""
    words = [*_COUNTED, "not_attempted"]
    shares = [40, 30, 5, 10, 4, 4, 7]
    verdicts = []
    for service, role, label in TARGETS:
        outcome = draw.choices(words, shares)[0]
        verdicts.append(Verdict(
            target_id=f"{service}.{role}.{label}", service=service, role=role, input=f"https://{label}.example/",
            outcome=outcome, block_type=draw.choice(KINDS) if outcome == "blocked" else "",
            confirmed=outcome == "blocked" and draw.random() < 0.5))
    services = tuple(
        ServiceVerdict(service=service, role=role, outcome=draw.choices(words, shares)[0], k=0, n=1)
        for service, role in dict.fromkeys((service, role) for service, role, _ in TARGETS))
    cc, asn = (("RU", 64500), ("NA", 64501), ("RU", 0))[probe % 3]
    return RunResult(
        run=Run(run_id=f"r-{number}", measurement_start_time=start.strftime("%Y-%m-%dT%H:%M:%SZ"), schema_version="1",
                vantage=Vantage(probe_id=f"p{probe}", probe_cc=cc, probe_asn=asn, lab=lab)),
        observations=(), controls=(), verdicts=tuple(verdicts), services=services)


def some_runs(count: int, *, seed: int = 7, probes: int = 6, days: int = 3, lab: bool = False) -> list[RunResult]:
    """Runs of some probes, two of which sometimes measure twice in an hour."""
    draw = random.Random(seed)
    return [a_run(number, START + timedelta(minutes=draw.randrange(days * 1440)), draw, lab=lab,
                  probe=draw.randrange(probes)) for number in range(count)]


def write_runs(directory: Path, runs: Iterable[RunResult], *, parquet: bool) -> None:
    for run in runs:
        write_run(run, directory, parquet=parquet, known_new=True)


def moved(run: RunResult, *, name: str) -> RunResult:
    """The same run under another name."""
    return replace(run, run=replace(run.run, run_id=name))


def naive_cells(directory: Path, *, lab: bool = False) -> pd.DataFrame:
    """The cells, counted with nothing but a dictionary, from what our own reader gives."""
    seen: defaultdict[tuple[object, ...], list[tuple[str, str]]] = defaultdict(list)
    kinds: defaultdict[tuple[object, ...], Counter[str]] = defaultdict(Counter)
    confirmed: Counter[tuple[object, ...]] = Counter()
    for result in read_runs(directory):
        vantage = result.run.vantage
        if vantage.lab is not lab:
            continue
        hour = pd.Timestamp(result.run.measurement_start_time).floor("h")
        frame = (lab, vantage.probe_cc, vantage.probe_asn)
        sure: set[tuple[str, str, str]] = set()
        for v in result.verdicts:
            keys = {"target": (v.service, v.role, v.target_id), "role": (v.service, v.role, ""),
                    "service": (v.service, "", "")}
            seen[(*frame, "target", *keys["target"], hour)].append((v.outcome, vantage.probe_id))
            if v.outcome == "blocked":
                for level, key in keys.items():
                    kinds[(*frame, level, *key, hour)][v.block_type] += 1
                    if v.confirmed and level != "target":
                        sure.add((level, *key[:2]))
                confirmed[(*frame, "target", *keys["target"], hour)] += v.confirmed
        by_service: defaultdict[str, list[str]] = defaultdict(list)
        for s in result.services:
            by_service[s.service].append(s.outcome)
            key = (*frame, "role", s.service, s.role, "", hour)
            seen[key].append((s.outcome, vantage.probe_id))
            confirmed[key] += s.outcome == "blocked" and ("role", s.service, s.role) in sure
        for service, outcomes in by_service.items():
            outcome = min(outcomes, key=_ORDER.index)
            key = (*frame, "service", service, "", "", hour)
            seen[key].append((outcome, vantage.probe_id))
            confirmed[key] += outcome == "blocked" and ("service", service, "") in sure
    rows = []
    for key, pairs in seen.items():
        tried = [(outcome, probe) for outcome, probe in pairs if outcome != "not_attempted"]
        if not tried:
            continue
        counts = Counter(outcome for outcome, _ in tried)
        kind = min(kinds[key].items(), key=lambda item: (-item[1], item[0]))[0] if kinds[key] else ""
        rows.append((*key, counts["ok"] + counts["blocked"] + counts["down"], *(counts[word] for word in _COUNTED),
                     len({probe for _, probe in tried}), kind if counts["blocked"] else "", confirmed[key]))
    names = ["lab", "probe_cc", "probe_asn", "level", "service", "role", "target_id", "cell_start", "n", *_COUNTED,
             "witnesses", "block_type", "confirmed"]
    return pd.DataFrame(rows, columns=names)
