"""One run of the probe in one laboratory, and the judgement of what it wrote."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from probe.catalogue.types import Catalogue
from probe.core.tables.consent_words import LEVELS as CONSENT_LEVELS
from probe_lab.draw import TARGET, draw_scenario
from probe_lab.format.needs import explain_lacking_needs
from probe_lab.format.ranges import Literal
from probe_lab.format.scenario import Scenario
from probe_lab.format.toml_table import ScenarioError
from probe_lab.host.warm import WarmInterpreter
from probe_lab.lab_types import DrawnScenario, World
from probe_lab.laboratory import LabFailed, Laboratory, package_roots
from probe_lab.scoring.expect import Judgement, judge
from probe_lab.scoring.judged import MISSING, Row
from probe_lab.scoring.looks import list_looks
from probe_lab.truth import read_log
from probe_lab.users.user_rows import UserRow, judge_uses, use_sites

AGREED_ON = "2026-01-01"
"""When the operators of helpers, and of the server for foreign names, agreed."""
FULL_CONSENT = max(CONSENT_LEVELS)
"""The consent level of a trial unless another is asked for: all that the program can do."""
VANTAGE_ASN = 64500
"""An AS number for documentation (RFC 5398)."""
DEADLINE_S = 120
"""As `probe run --fast` has it. Where all that is said is met with silence, attempts and their comparisons take most of
a minute, and a search for the place or transfers in turns most of another. Others end much sooner."""
WHOLE_DEADLINE_S = 240
"""For the whole catalogue, which is three times what a run measures, on a machine that does other things too; and for
runs that take their time, in which two names in turns take nearly three minutes."""
TIMEOUT_S = 600
"""Far beyond the deadline: a crowded machine is no failure of the program, one that never ends is."""
MAX_FILE_BYTES = 50_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Another line and another pace than a scenario's own, to see what is left of the verdicts; None: as the scenario
    has it."""

    loss: float | None = None
    """Share of packets lost on the client's side, in each direction."""
    rtt_ms: float | None = None
    cc: str | None = None
    """The country that the client is configured to be in, where the scenario names none: what the program may do at a
    consent level depends on it."""
    spread: bool = False
    """Runs take their time, as a schedule's do. They send more kinds of hellos than `--fast`, and repeat later."""

    @property
    def flags(self) -> str:
        """The command line's flags for it."""
        loss = "" if self.loss is None else f" --loss {self.loss:g}"
        rtt = "" if self.rtt_ms is None else f" --rtt-ms {self.rtt_ms:g}"
        return loss + rtt + (f" --cc {self.cc}" if self.cc else "") + (" --spread" if self.spread else "")

    def under(self, scenario: Scenario) -> Scenario:
        """The scenario with this line."""
        values = {"loss": self.loss, "rtt_ms": self.rtt_ms}
        fixed = {name: Literal(value=value) for name, value in values.items() if value is not None}
        return replace(scenario, world={**scenario.world, **fixed}, cc=scenario.cc or self.cc or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What is to be run."""

    scenario: Scenario
    seed: int
    level: str
    """The evidence level."""
    consent_level: int = FULL_CONSENT
    helpers: bool = True
    line: Line = field(default_factory=Line)
    repetition: int = 0
    """Which of several runs of the same trial this is, from 0."""
    keep: Path | None = None
    """Where results, truth and configuration are copied to; None: nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """What came of it."""

    scenario: str
    file: str = ""
    """Where the scenario was read from; empty: it comes with the laboratory."""
    situation: str = ""
    """The class of situation, which several scenarios may share; empty: the scenario's name."""
    kind: str = ""
    """innocent or censorship."""
    looks: tuple[str, ...] = ()
    """The actions that its acts look like (`probe_lab.scoring.looks`)."""
    seed: int
    level: str
    """The evidence level."""
    consent_level: int = FULL_CONSENT
    helpers: bool = True
    line: Line = field(default_factory=Line)
    judgement: Judgement | None
    """None when the laboratory broke or was not built, and nothing can be said."""
    note: str = ""
    """What went wrong with the laboratory, or with the program when it left no results."""
    skipped: str = ""
    """Why there was no trial on this machine."""
    users: tuple[UserRow, ...] = ()
    """What users' programs met at the same targets afterwards."""
    wall_s: float


def run_trial(trial: Trial, *, catalogue: Catalogue, warm: WarmInterpreter | None = None) -> TrialResult:
    """Draw, build (from a `warm` interpreter if there is one), run and judge. Raises LabUnavailable; a broken
    laboratory is a result, and so is a broken draw."""
    begin = time.monotonic()
    judgement: Judgement | None = None
    users: tuple[UserRow, ...] = ()
    note = ""
    skipped = explain_lacking_needs(trial.scenario.needs)
    if not skipped:
        try:
            judgement, users, note = _run(trial, catalogue, warm)
        except ScenarioError as error:
            note = f"nothing could be drawn: {error}"
        except LabFailed as error:
            note = f"the laboratory failed: {error}"
    return TrialResult(
        scenario=trial.scenario.name,
        file=trial.scenario.file,
        situation=trial.scenario.situation,
        kind=trial.scenario.kind,
        looks=list_looks(trial.scenario),
        seed=trial.seed,
        level=trial.level,
        consent_level=trial.consent_level,
        helpers=trial.helpers,
        line=trial.line,
        judgement=judgement,
        note=note,
        skipped=skipped,
        users=users,
        wall_s=time.monotonic() - begin,
    )


def _run(trial: Trial, catalogue: Catalogue, warm: WarmInterpreter | None,
         ) -> tuple[Judgement, tuple[UserRow, ...], str]:
    drawn = draw_scenario(trial.line.under(trial.scenario), seed=trial.seed, endpoints=catalogue.endpoints)
    with Laboratory(drawn, level=trial.level, helpers=trial.helpers, warm=warm) as laboratory:
        note = run_probe_in(laboratory, trial, drawn, catalogue)
        results = laboratory.directory / "results"
        rows, runs = read_rows(results, "verdicts"), read_rows(results, "runs")
        services = read_rows(results, "services")
        run_row = runs[0] if runs else {"outcome": MISSING, "block_type": ""}
        uses = use_sites(laboratory, drawn, trial.scenario.users, program_environment()) if trial.scenario.users else ()
        laboratory.settle()
        log = read_log(laboratory.log_path)
        judgement = judge(drawn, rows, run_row, log, level=trial.level, helpers=trial.helpers, services=services)
        if trial.keep is not None:
            _keep(laboratory, trial, trial.keep)
    return judgement, judge_uses(uses, log, drawn, judgement.rows), note


def run_probe_in(laboratory: Laboratory, trial: Trial, drawn: DrawnScenario, catalogue: Catalogue) -> str:
    """Let the probe measure; why there are no results, or nothing."""
    config = laboratory.directory / "probe.toml"
    agreed = agreed_server(drawn, catalogue) if trial.scenario.agreed_server else ""
    config.write_text(configuration(drawn.world, helpers=trial.helpers, consent_level=trial.consent_level,
                                    agreed=agreed))
    arguments = [*list_arguments(trial, drawn), "--config", str(config), "--results",
                 str(laboratory.directory / "results"), "--catalogue", catalogue.path]
    try:
        done = laboratory.run_probe(arguments, env=program_environment(), timeout_s=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return f"the program did not end in {TIMEOUT_S} s"
    if any((laboratory.directory / "results").glob("verdicts/date=*/*.csv")):
        return ""
    last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
    return f"the program left no results (exit status {done.returncode}): {last[0][:300]}"


def list_arguments(trial: Trial, drawn: DrawnScenario) -> list[str]:
    """Of the command line, those that say what is measured and how."""
    # Inputs by name, except for the whole catalogue: one argument each would not fit everywhere.
    whole = trial.scenario.company is None
    takes_its_time = trial.scenario.paced or trial.line.spread
    which = ["--tier", "3"] if whole else [part for target in _measured(drawn) for part in ("--input", target)]
    return [
        "run", *([] if takes_its_time else ["--fast"]), "--no-parquet", "--seed", str(trial.seed), *which,
        "--deadline-s", str(WHOLE_DEADLINE_S if whole or takes_its_time else DEADLINE_S),
    ]


def _measured(drawn: DrawnScenario) -> tuple[str, ...]:
    """The inputs that a run measures: where several endpoints of one target were drawn, all of them."""
    more = (url for alias, urls in drawn.aliases.items() if alias.startswith(TARGET) for url in urls)
    return tuple(dict.fromkeys((*drawn.targets, *more)))


def program_environment() -> dict[str, str]:
    """The environment, in which the program is found also when it runs from a source tree."""
    paths = [*package_roots(), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def agreed_server(drawn: DrawnScenario, catalogue: Catalogue) -> str:
    """The address of a server for foreign names: of a web site that no target and no control lives at."""
    world = drawn.world
    named = (*drawn.targets, *(url for urls in drawn.aliases.values() for url in urls))
    asked = {urlsplit(url).hostname or "" for url in named}
    asked |= {row.host for row in catalogue.endpoints if row.role == "control"} | set(catalogue.innocent_names)
    taken = {address for name, plan in world.hosts.items() if name in asked for address in (*plan.ipv4, *plan.ipv6)}
    return next(plan.ipv4[0] for row in catalogue.endpoints
                if row.input.startswith("https://") and row.port == 443 and row.status == "active"
                and (plan := world.hosts.get(row.host)) and plan.ipv4 and taken.isdisjoint(plan.ipv4))


def configuration(world: World, *, helpers: bool, consent_level: int = FULL_CONSENT, agreed: str = "") -> str:
    """The configuration of a volunteer in this world, who agreed to all that the program can do unless told
    otherwise, as TOML. `agreed`: a server that may be asked for foreign names, over TLS and in the clear."""
    lines = ["[run]", f"consent_level = {consent_level}", "",
             "[vantage]", f'cc = "{world.cc}"', f"asn = {VANTAGE_ASN}"]
    for point in world.vantages if helpers else ():
        fields = {"id": point.control_id, "url": point.url, "address": point.ipv4, "asn": point.asn, "cc": point.cc,
                  "agreed": AGREED_ON}
        lines += ["", "[[helper]]", *(f"{key} = {json.dumps(value)}" for key, value in fields.items())]
    for port in (443, 80) if agreed else ():
        lines += ["", "[[matrix_server]]", f'address = "{agreed}"', f"port = {port}", 'operator = "laboratory"',
                  f'agreed = "{AGREED_ON}"']
    return "\n".join([*lines, ""])


def read_rows(results: Path, table: str) -> Sequence[Row]:
    """All rows of one table of a results folder; files beyond 50 MB are no results. Raises ValueError for these."""
    rows: list[Row] = []
    for path in sorted(results.glob(f"{table}/date=*/*.csv")):
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ValueError(f"{path} is larger than {MAX_FILE_BYTES} bytes")
        with path.open(newline="", encoding="utf-8") as file:
            rows.extend(csv.DictReader(file))
    return rows


def _keep(laboratory: Laboratory, trial: Trial, folder: Path) -> None:
    """Copy what a person needs to understand a verdict."""
    again = f"-{trial.repetition}" if trial.repetition else ""
    target = folder / f"{trial.scenario.name}-{trial.seed}-{trial.level}{again}"
    shutil.copytree(laboratory.directory, target, dirs_exist_ok=True)
    if laboratory.log_path.exists():
        shutil.copyfile(laboratory.log_path, target / "truth.jsonl")
