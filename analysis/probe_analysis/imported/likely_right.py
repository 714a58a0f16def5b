"""Where two engines say different things of one measurement: who is likely right, and why. A table. Pure.

Ours sees more than one measurement, and theirs alone decides of each. Neither is taken for the truth: what stands here
says which of the two rests on something that the other cannot explain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from probe.core.verdicts import Verdict

Side = Literal["ours", "theirs", "open"]
SIDES: tuple[Side, ...] = ("ours", "theirs", "open")
_OVER_TLS = ("tls/proven",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """Two verdicts on one measurement that are not the same."""

    relation: str
    """A word of `probe_analysis.imported.agreement.RELATIONS`."""
    accuses: bool
    """Theirs says that it is blocked."""
    defect: bool
    """Something is known to be wrong with their verdict in this version."""
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Likely:
    """Where `holds`, this side is likely right."""

    side: Side
    why: str
    holds: Callable[[Disagreement], bool]


def judge_likely(found: Disagreement) -> Likely:
    """The first of TABLE that holds."""
    return next(one for one in TABLE if one.holds(found))


TABLE: tuple[Likely, ...] = (
    Likely(side="ours", why="a known defect of that version of OONI's program explains OONI's verdict",
           holds=lambda d: d.defect),
    Likely(side="ours", why="the program that measured is out of date, and fails in the same way in every network",
           holds=lambda d: d.verdict.block_type == "inconclusive.instrument"),
    Likely(side="ours", why="OONI's failure was recorded without any attempt that could fail",
           holds=lambda d: d.verdict.outcome == "not_attempted"),
    Likely(side="ours", why="the answer cannot be true, or it is known from blocks in this country",
           holds=lambda d: d.verdict.outcome == "blocked" and d.verdict.basis == "content"),
    Likely(side="ours", why="services of several unrelated organisations fail in the same way in this network",
           holds=lambda d: d.verdict.outcome == "blocked" and bool(d.verdict.basis)),
    Likely(side="ours", why="the test helper fails at the same stage", holds=lambda d: d.verdict.outcome == "down"
           and d.accuses and d.verdict.control in ("agrees", "doubtful")),
    Likely(side="ours", why="a certificate of the service was shown and verified",
           holds=lambda d: d.verdict.outcome == "ok" and d.accuses and d.verdict.rule_id in _OVER_TLS),
    Likely(side="ours", why="the helper's page is the same by title or size", holds=lambda d: d.verdict.outcome == "ok"
           and d.accuses and d.verdict.control == "agrees"),
    Likely(side="theirs", why="the target keeps failing here while the helper reaches it: something keeps this network "
           "from the service, and nothing shows who",
           holds=lambda d: d.accuses and bool(d.verdict.suspected) and d.verdict.control == "contrary"),
    Likely(side="theirs", why="the target keeps failing here; only other networks can show whether it fails "
           "elsewhere too",
           holds=lambda d: d.accuses and bool(d.verdict.suspected)),
    Likely(side="ours", why="something on the way fails or gives false answers, though a page came in the end",
           holds=lambda d: not d.accuses and bool(d.verdict.suspected)),
    Likely(side="open", why="there is one failure, or failures of different kinds: chance, the line or a block may be "
           "the cause",
           holds=lambda d: d.accuses and d.relation == "we_abstain"),
    Likely(side="ours", why="OONI's test has no verdict of its own, and our verdict rests on what that test recorded",
           holds=lambda d: d.relation == "they_abstain"),
    Likely(side="open", why="nothing in the file decides between the two verdicts", holds=lambda d: True),
)
