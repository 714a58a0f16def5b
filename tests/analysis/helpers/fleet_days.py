"""Results of a few volunteers over some days, drawn by a seed, and their cells as naively as one can count them."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd

from probe.core.runs import Run, RunResult, Vantage
from probe.core.tables.block_types import BlockTypeId, CauseId
from probe.core.tables.outcomes import OUTCOMES, Outcome
from probe.core.tables.roles import Role
from probe.core.verdicts import ServiceVerdict, Verdict
from probe.store.runs.run_reader import read_runs
from probe.store.runs.run_writer import write_run
from probe_analysis.cells.failure_layers import FAILED, LAYERS

START = datetime(2026, 3, 1, tzinfo=UTC)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
Target = tuple[str, Role, str]
TARGETS: tuple[Target, ...] = (
    ("a", "chat", "one"), ("a", "chat", "two"), ("a", "api", "x"), ("b", "web", "x"), ("c", "web", "x"),
)
KINDS: tuple[BlockTypeId, ...] = ("tls.reset.sni", "dns.injection", "ip.blackhole")
Key = tuple[object, ...]
_COUNTED = tuple(OUTCOMES)
_ORDER = ("blocked", "down", "ok", "network", "local", "inconclusive", "not_attempted")


HELLOS = tuple(f"t13_85036bcba153_{number:012x}_{size}" for number, size in enumerate(
    ("small", "large", "small", "large", "small")))
"""Shapes of ClientHellos: more than a cell tells of."""
MANY: tuple[Target, ...] = tuple(("m", "chat", f"t{n}") for n in range(75))
"""More targets than a number has bits."""


def a_run(number: int, start: datetime, draw: random.Random, *, lab: bool = False, probe: int = 0,
          targets: Sequence[Target] = TARGETS) -> RunResult:
    """A run with a verdict of every target, and of roles, whatever comes."""
    words: list[Outcome] = [*_COUNTED, "not_attempted"]
    shares = [40, 30, 5, 10, 4, 4, 7]
    verdicts = []
    for service, role, label in targets:
        outcome = draw.choices(words, shares)[0]
        suspected: CauseId = random.Random(f"{number}{label}").choice(("", *KINDS)) if outcome == "inconclusive" else ""
        verdicts.append(Verdict(
            target_id=f"{service}.{role}.{label}", service=service, role=role, input=f"https://{label}.example/",
            outcome=outcome,
            block_type=draw.choice(KINDS) if outcome == "blocked" else "inconclusive.unplaced" if suspected else "",
            confirmed=outcome == "blocked" and draw.random() < 0.5, suspected=suspected))
    services = tuple(
        ServiceVerdict(service=service, role=role, outcome=draw.choices(words, shares)[0], k=0, n=1)
        for service, role in dict.fromkeys((service, role) for service, role, _ in targets))
    cc, asn = (("RU", 64500), ("NA", 64501), ("RU", 0))[probe % 3]
    return RunResult(
        run=Run(run_id=f"r-{number}", measurement_start_time=start.strftime("%Y-%m-%dT%H:%M:%SZ"), schema_version="1",
                measurement_end_time=(start + timedelta(minutes=3)).strftime("%Y-%m-%dT%H:%M:%SZ"), n_attempted=5,
                own_hello=("", *HELLOS)[number * 7 % 6],
                vantage=Vantage(probe_id=f"p{probe}", probe_cc=cc, probe_asn=asn, lab=lab)),
        observations=(), controls=(), verdicts=tuple(verdicts), services=services)


def some_runs(count: int, *, seed: int = 7, probes: int = 6, days: int = 3, lab: bool = False,
              targets: Sequence[Target] = TARGETS) -> list[RunResult]:
    """Runs of some probes, two of which sometimes measure twice in an hour."""
    draw = random.Random(seed)
    return [a_run(number, START + timedelta(minutes=draw.randrange(days * 1440)), draw, lab=lab,
                  probe=draw.randrange(probes), targets=targets) for number in range(count)]


def write_runs(directory: Path, runs: Iterable[RunResult], *, parquet: bool) -> None:
    for run in runs:
        write_run(run, directory, parquet=parquet, known_new=True)


def moved(run: RunResult, *, name: str) -> RunResult:
    """The same run under another name."""
    return replace(run, run=replace(run.run, run_id=name))


@dataclass(slots=True)
class _Tally:
    """What was seen for each key of a cell: (outcome, probe, run) of each run, block types, confirmed runs."""

    seen: defaultdict[Key, list[tuple[str, str, str]]] = field(default_factory=lambda: defaultdict(list))
    kinds: defaultdict[Key, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    confirmed: defaultdict[Key, set[str]] = field(default_factory=lambda: defaultdict(set))
    failed: defaultdict[Key, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    """Run and cause by which it failed."""
    hellos: dict[str, str] = field(default_factory=dict)
    """Run -> the shape of its own ClientHello."""
    sent: defaultdict[Key, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """Network and hour -> shapes, and how many runs sent each."""

    def add(self, result: RunResult) -> None:
        run = result.run
        frame = (run.vantage.lab, run.vantage.probe_cc, run.vantage.probe_asn)
        hour = pd.Timestamp(run.measurement_start_time).floor("h")
        self.hellos[run.run_id] = run.own_hello
        self.sent[(*frame, hour)][run.own_hello] += 1
        sure = {name for v in result.verdicts if v.outcome == "blocked" and v.confirmed
                for name in ((v.service, v.role), (v.service,))}
        roles: dict[str, list[Outcome]] = defaultdict(list)
        rows: list[tuple[str, tuple[str, str, str], Outcome, bool]] = []
        for v in result.verdicts:
            rows.append(("target", (v.service, v.role, v.target_id), v.outcome, v.confirmed))
            for level, names in (("target", (v.service, v.role, v.target_id)), ("role", (v.service, v.role, "")),
                                 ("service", (v.service, "", ""))):
                if v.outcome == "blocked":
                    self.kinds[(*frame, level, *names, hour)].append((run.run_id, v.block_type))
        for s in result.services:
            roles[s.service].append(s.outcome)
            rows.append(("role", (s.service, s.role, ""), s.outcome, (s.service, s.role) in sure))
        for service, outcomes in roles.items():
            rows.append(("service", (service, "", ""), min(outcomes, key=_ORDER.index), (service,) in sure))
        for level, names, outcome, agreed in rows:
            key = (*frame, level, *names, hour)
            self.seen[key].append((outcome, run.vantage.probe_id, run.run_id))
            if outcome == "blocked" and agreed:
                self.confirmed[key].add(run.run_id)
        for names, cause in _failures(result, {names[0]: outcome for level, names, outcome, _ in rows
                                               if level == "service"}):
            level = ("service", "role", "target")[sum(map(bool, names)) - 1]
            self.failed[(*frame, level, *names, hour)].append((run.run_id, cause))


def _once_a_probe(told: list[tuple[str, str, str]]) -> tuple[list[str], set[str]]:
    """What each probe says, and the runs that are passed over."""
    probes: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for outcome, probe, run in told:
        probes[probe].append((outcome, run))
    words, passed = [], set()
    for runs in probes.values():
        times = Counter(outcome for outcome, _ in runs)
        places = [*_COUNTED, "not_attempted"]
        word, kept = min(
            runs, key=lambda one: (one[0] == "not_attempted", -times[one[0]], places.index(one[0]), one[1]))
        words.append(word)
        passed |= {run for _, run in runs} - {kept}
    return words, passed


def _commonest(counts: Counter[str]) -> list[str]:
    """The four commonest shapes, in their order; runs that tell none do not count."""
    del counts[""]
    return sorted(sorted(counts, key=lambda word: (-counts[word], word))[:4])


def _struck(seen: list[tuple[str, str, str]], passed: set[str], failed: set[str], hellos: dict[str, str]) -> str:
    """How each shape fared in a cell; empty where nothing failed in it."""
    told = [(hellos[run], word, run in failed) for word, _, run in seen
            if run not in passed and word in ("ok", "blocked", "inconclusive")]
    if not any(word == "blocked" or fails for _, word, fails in told):
        return ""
    counts = Counter(hello for hello, _, _ in told)
    numbers = {hello: [sum(name == hello and test for name, test in tests) for tests in (
        [(name, word == "blocked") for name, word, _ in told], [(name, fails) for name, _, fails in told],
        [(name, word == "ok") for name, word, _ in told])] for hello in counts}
    return " ".join(f"{hello}={'/'.join(map(str, numbers[hello]))}" for hello in _commonest(counts))


def _failures(result: RunResult, services: dict[str, Outcome]) -> Iterator[tuple[tuple[str, str, str], str]]:
    """What failed in a run, target by target, then roles and services, and by what."""
    causes: dict[tuple[str, str], list[str]] = defaultdict(list)
    served: Counter[tuple[str, str]] = Counter()
    for v in result.verdicts:
        served[v.service, v.role] += v.outcome == "ok"
        if v.outcome == "blocked" or v.suspected:
            causes[v.service, v.role].append(v.suspected or v.block_type)
            yield (v.service, v.role, v.target_id), v.suspected or v.block_type
    whole: dict[str, list[str]] = defaultdict(list)
    for s in result.services:
        mine = causes[s.service, s.role]
        if s.outcome == "blocked" or (s.outcome == "inconclusive" and len(mine) > served[s.service, s.role]):
            cause = max(mine, default="")
            whole[s.service].append(cause)
            yield (s.service, s.role, ""), cause
    for service, found in whole.items():
        if services[service] in ("blocked", "inconclusive"):
            yield (service, "", ""), max(found)


def naive_cells(directory: Path, *, lab: bool = False) -> pd.DataFrame:
    """The cells, counted with nothing but dictionaries, from what our own reader gives."""
    tally = _Tally()
    for result in read_runs(directory):
        if result.run.vantage.lab is lab:
            tally.add(result)
    rows = []
    for key, seen in tally.seen.items():
        words, passed = _once_a_probe(seen)
        tried = [word for word in words if word != "not_attempted"]
        counts = Counter(tried)
        kinds, failed = (Counter(word for run, word in told[key] if run not in passed)
                         for told in (tally.kinds, tally.failed))
        kind, failure = (min(told.items(), key=lambda item: (-item[1], item[0]), default=("", 0))[0]
                         for told in (kinds, failed))
        layers = Counter({layer: 0 for layer in LAYERS})
        for cause, times in failed.items():
            layer = cause.partition(".")[0].replace("ip", "tcp")
            layers[layer if layer in LAYERS else "other"] += times
        if tried:
            rows.append((
                *key, counts["ok"] + counts["blocked"] + counts["down"], *(counts[word] for word in _COUNTED),
                len(tried), kind if counts["blocked"] else "", len(tally.confirmed[key] - passed),
                *(layers[layer] for layer in LAYERS), failure, "unknown",
                " ".join(_commonest(tally.sent[(*key[:3], key[-1])])),
                _struck(seen, passed, {run for run, _ in tally.failed[key]}, tally.hellos)))
    names = ["lab", "probe_cc", "probe_asn", "level", "service", "role", "target_id", "cell_start", "n", *_COUNTED,
             "witnesses", "block_type", "confirmed", *FAILED, "failure_type", "standing",
             "hellos", "struck_hellos"]
    return pd.DataFrame(rows, columns=names)
