"""What users' programs suffered in one laboratory, beside what the probe said of the same targets."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from probe.core.json_decoders import get_decoder
from probe_lab.lab_types import DrawnScenario
from probe_lab.laboratory import Laboratory
from probe_lab.scoring.convictions import Log, uncertain_aliases
from probe_lab.scoring.judged import MISSING, JudgedRow
from probe_lab.truth import TruthEntry
from probe_lab.users.claims import speaks_for
from probe_lab.users.user_programs import ABSENT, ONLY_OVER_TLS, SERVED

MOST_TARGETS = 6
ATTEMPTS = 2
"""Of each program at each target."""
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
    said: str = ""
    """The same with the cause or reason, and the rule."""
    decided: bool = False
    """It rightly says that something is blocked, or that the network is a closed one."""
    at_times: bool = False
    """What censors the target acts at random or at times: one run may not meet it."""
    claimed: bool = True
    """Whether what the probe says speaks for this program: it may have sent no hello such as this one's."""

    @property
    def is_struck(self) -> bool:
        """It did not get what it came for, and censorship acted upon it."""
        return self.word != SERVED and bool(self.causes)


def use_sites(laboratory: Laboratory, drawn: DrawnScenario, programs: Sequence[str], env: Mapping[str, str],
              ) -> tuple[SiteUse, ...]:
    """Let each program use each target that has pages, some times over. Raises LabFailed for a broken laboratory; uses
    that did not end are left out."""
    targets = _list_targets(drawn)
    orders = [[program, url] for url in targets for _ in range(ATTEMPTS) for program in programs
              if program not in ONLY_OVER_TLS or url.startswith("https://")]
    if not orders:
        return ()
    with tempfile.TemporaryFile() as file:
        file.write(json.dumps(orders).encode())
        file.seek(0)
        try:
            done = laboratory.run([sys.executable, "-P", "-m", "probe_lab.users.use_sites"], env=env, stdin=file,
                                  timeout_s=_EACH_S * len(orders))
        except subprocess.TimeoutExpired:
            return ()
    decoder = get_decoder(SiteUse)
    return tuple(use for line in done.stdout.splitlines() if (use := decoder.decode(line)).word != ABSENT)


def _list_targets(drawn: DrawnScenario) -> list[str]:
    """Those with pages; first those that something is to happen to."""
    concerned = {*(rule.alias for rule in drawn.rules), *(fault.alias for fault in drawn.faults)}
    named = [url for alias in sorted(concerned) for url in drawn.aliases.get(alias, ()) if url in drawn.targets]
    pages = [url for url in dict.fromkeys((*named, *drawn.targets)) if url.startswith(("https://", "http://"))]
    return pages[:MOST_TARGETS]


def judge_uses(uses: Iterable[SiteUse], log: Sequence[TruthEntry], drawn: DrawnScenario, judged: Iterable[JudgedRow],
               ) -> tuple[UserRow, ...]:
    """`judged`: what the probe said. What acted while a program was at a target acted on that program."""
    said = {row.subject: row for row in judged}
    at_times = {target for alias in uncertain_aliases(drawn) for target in drawn.aliases.get(alias, ())}
    return tuple(_judge_use(use, _causes(use, log, drawn), said.get(use.target), use.target in at_times)
                 for use in uses)


def _judge_use(use: SiteUse, causes: tuple[str, ...], said: JudgedRow | None, at_times: bool) -> UserRow:
    return UserRow(at_times=at_times, program=use.program, target=use.target, word=use.word, causes=causes,
                   got=said.got.split(" ")[0] if said else MISSING,
                   said=f"{said.got} ({said.rule_id})" if said else MISSING,
                   decided=said is not None and _is_decided(said),
                   claimed=said is None or speaks_for(use.program, said.unseen))


def _is_decided(said: JudgedRow) -> bool:
    """What it names may be less than all that acted."""
    return said.accused and said.may_be_blocked if said.got.startswith("blocked") else (
        said.met and said.got.startswith("network"))


def _causes(use: SiteUse, log: Sequence[TruthEntry], drawn: DrawnScenario) -> tuple[str, ...]:
    meanwhile = [entry for entry in log if use.begin_s <= entry.time_s <= use.end_s + _LATE_S]
    return tuple(sorted(Log(meanwhile, drawn).of(use.target).causes))
