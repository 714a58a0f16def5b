"""Trials in which the program was wrong, as small files: what is to be run again until it is right, and ever after.

One TOML file for each trial, named by what makes it the same trial again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from probe.core.tables.consent_words import LEVELS as CONSENT_LEVELS
from probe_lab.format.scenario import list_scenario_names, load_scenario
from probe_lab.format.toml_table import ScenarioError
from probe_lab.scoring.judged import JudgedRow
from probe_lab.scoring.trial import FULL_CONSENT, Line, Trial, TrialResult

MAX_BYTES = 65_536
MAX_WRONG = 20
"""Findings that a file names; further ones are of the same trial."""


class FailingSeed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What makes a trial the same again, and what was wrong with it."""

    scenario: str
    seed: Annotated[int, msgspec.Meta(ge=0)]
    evidence_level: Literal["socket", "packet"]
    consent_level: Annotated[int, msgspec.Meta(ge=min(CONSENT_LEVELS), le=max(CONSENT_LEVELS))]
    helpers: bool = True
    loss: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    rtt_ms: Annotated[float, msgspec.Meta(gt=0)] | None = None
    cc: Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$")] | None = None
    spread: bool = False
    wrong: tuple[str, ...] = ()
    """For readers alone: what the verdicts said, and what they should have said."""

    @property
    def file_name(self) -> str:
        """Other for every other trial."""
        line = [f"loss{self.loss:g}" if self.loss is not None else "", f"rtt{self.rtt_ms:g}" if self.rtt_ms else "",
                self.cc or "", "spread" if self.spread else ""]
        parts = (self.scenario, f"{self.seed}", self.evidence_level, f"consent{self.consent_level}",
                 "" if self.helpers else "no-helper", *line)
        return "-".join(filter(None, parts)) + ".toml"

    @property
    def trial(self) -> Trial:
        """The trial. Raises ScenarioError where there is no such scenario any more."""
        return Trial(scenario=load_scenario(self.scenario), seed=self.seed, level=self.evidence_level,
                     consent_level=self.consent_level, helpers=self.helpers,
                     line=Line(loss=self.loss, rtt_ms=self.rtt_ms, cc=self.cc, spread=self.spread))


def make_failing_seed(result: TrialResult) -> FailingSeed | None:
    """What is to be kept of a trial; None where all was right, or the trial was skipped."""
    wrong = _wrong(result)
    if not wrong or result.skipped:
        return None
    return FailingSeed(
        scenario=result.scenario, seed=result.seed, evidence_level="packet" if result.level == "packet" else "socket",
        consent_level=result.consent_level, helpers=result.helpers, loss=result.line.loss, rtt_ms=result.line.rtt_ms,
        cc=result.line.cc, spread=result.line.spread, wrong=tuple(wrong[:MAX_WRONG]),
    )


def _wrong(result: TrialResult) -> list[str]:
    """What was wrong with a trial: accusations, misses, a truth that contradicts the scenario, a broken laboratory."""
    judged = result.judgement
    if judged is None:
        return [result.note]
    rows = [*judged.rows, *judged.roles, *([judged.run] if judged.run else [])]
    missed = [row for row in rows if not judged.invalid and _is_wrong(row, result.consent_level)]
    accused = [row for row in (*rows, *judged.others) if row.accused and not row.may_be_blocked and row not in missed]
    found = [f"{row.subject}: expected {row.expected or 'no block'}, got {row.got}" for row in (*accused, *missed)]
    return [*found, *filter(None, (judged.invalid, result.note))]


def _is_wrong(row: JudgedRow, consent_level: int) -> bool:
    """Scenarios expect what full consent can show: with less of it, a verdict that claims nothing is no mistake."""
    claims_nothing = row.got.startswith(("inconclusive", "not_attempted"))
    return not row.met and (consent_level == FULL_CONSENT or not claims_nothing)


def write_failing(results: Iterable[TrialResult], folder: Path) -> tuple[Path, ...]:
    """Write a file for each trial that failed, of the scenarios that come with the laboratory. Raises OSError."""
    known = set(list_scenario_names())
    kept = {seed.file_name: seed for seed in map(make_failing_seed, results) if seed and seed.scenario in known}
    folder.mkdir(parents=True, exist_ok=True)
    for name, seed in kept.items():
        (folder / name).write_text(format_seed(seed), encoding="utf-8")
    return tuple(folder / name for name in kept)


def format_seed(seed: FailingSeed) -> str:
    """The file's text. JSON's strings, numbers, booleans and lists of strings are TOML's as well."""
    fields = msgspec.structs.asdict(seed)
    wrong = "".join(f"  {json.dumps(line)},\n" for line in fields.pop("wrong"))
    lines = [f"{name} = {json.dumps(value)}\n" for name, value in fields.items() if value is not None]
    return "".join([*lines, f"wrong = [\n{wrong}]\n"])


def read_failing(path: Path) -> FailingSeed:
    """Read one file. Raises ScenarioError with file and reason."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ScenarioError(f"{path.name}: larger than {MAX_BYTES} bytes")
        return msgspec.toml.decode(path.read_bytes(), type=FailingSeed)
    except (OSError, msgspec.DecodeError) as error:
        raise ScenarioError(f"{path.name}: {error}") from error
