"""What users' programs suffered in one laboratory, beside what the probe said of the same targets."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from probe_lab.lab_types import DrawnScenario
from probe_lab.laboratory import Laboratory
from probe_lab.scoring.convictions import Log
from probe_lab.truth import TruthEntry
from probe_lab.users.user_programs import ABSENT, SERVED

MOST_TARGETS = 10
_EACH_S = 15.0
_LATE_S = 0.1
"""After a use ends, what it set off may still be written down."""


class SiteUse(msgspec.Struct, frozen=True, kw_only=True):
    """One use of one site, as the program told it."""

    program: str
    target: str
    """The input of the catalogue."""
    word: str
    begin_s: float
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRow:
    """One program at one target."""

    program: str
    target: str
    word: str
    causes: tuple[str, ...]
    """Block types of what acted on it; empty where nothing did, or nothing that censors."""
    got: str
    """The probe's outcome for the target."""

    @property
    def is_struck(self) -> bool:
        """It did not get what it came for, and censorship acted upon it."""
        return self.word != SERVED and bool(self.causes)


def use_sites(laboratory: Laboratory, drawn: DrawnScenario, programs: Sequence[str], env: Mapping[str, str],
              ) -> tuple[SiteUse, ...]:
    """Let each program use each target that has pages over TLS, one after another. Raises LabFailed for a broken
    laboratory; uses that did not end are left out."""
    targets = [url for url in drawn.targets if url.startswith("https://")][:MOST_TARGETS]
    orders = [[program, url] for url in targets for program in programs]
    if not orders:
        return ()
    with tempfile.TemporaryFile() as file:
        file.write(json.dumps(orders).encode())
        file.seek(0)
        try:
            done = laboratory.run([sys.executable, "-m", "probe_lab.users.use_sites"], env=env, stdin=file,
                                  timeout_s=_EACH_S * len(orders))
        except subprocess.TimeoutExpired:
            return ()
    decoder = msgspec.json.Decoder(SiteUse)
    return tuple(use for line in done.stdout.splitlines() if (use := decoder.decode(line)).word != ABSENT)


def judge_uses(uses: Iterable[SiteUse], log: Sequence[TruthEntry], drawn: DrawnScenario, got: Mapping[str, str],
               ) -> tuple[UserRow, ...]:
    """`got`: target -> the probe's outcome. What acted while a program was at a target acted on that program."""
    return tuple(UserRow(program=use.program, target=use.target, word=use.word, causes=_causes(use, log, drawn),
                         got=got.get(use.target, "missing")) for use in uses)


def _causes(use: SiteUse, log: Sequence[TruthEntry], drawn: DrawnScenario) -> tuple[str, ...]:
    meanwhile = [entry for entry in log if use.begin_s <= entry.time_s <= use.end_s + _LATE_S]
    return tuple(sorted(Log(meanwhile, drawn).of(use.target).causes))
