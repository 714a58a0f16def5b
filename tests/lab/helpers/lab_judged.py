"""A made-up scenario of three targets, and verdicts on them, for tests of what is judged and counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from probe_lab.lab_types import DrawnScenario, Expect, HostPlan, Rule
from probe_lab.scoring.expect import Judgement, judge
from probe_lab.truth import TruthEntry
from probe_lab.world import draw_world

TARGET, FRIEND, LITERAL = "https://t.example/", "https://f.example/", "http://192.0.2.9/"
EXPECT = Expect(of="@t", outcomes=("blocked",), block_types=("tls.reset.sni",), min_depth=2)
FIRED = (
    TruthEntry(time_s=1.0, actor="middlebox", action="reset", block_type="tls.reset.sni", alias="t", name="t.example"),
)
NOT_MEASURED = {"outcome": "ok", "block_type": ""}


def scene(*expects: Expect, kind: str = "censorship") -> DrawnScenario:
    """A target whose name is reset, a friend, and a literal address."""
    world = draw_world(seed=1, endpoints=())
    hosts = {
        "t.example": HostPlan(name="t.example", ipv4=("9.1.1.1",), ipv6=("2a00::1",)),
        "f.example": HostPlan(name="f.example", ipv4=("9.1.2.1",), ipv6=()),
    }
    return DrawnScenario(
        name="made", title="made by hand", kind=kind, seed=1,
        world=replace(world, hosts=hosts),
        rules=(Rule(trigger="sni", match=("t.example",), action="reset", block_type="tls.reset.sni", alias="t"),),
        faults=(),
        expects=expects or (EXPECT,),
        aliases={"t": (TARGET,), "proto:literal": (LITERAL,)},
        targets=(TARGET, FRIEND, LITERAL),
    )


def verdicts(target: str = "blocked tls.reset.sni", **others: str) -> list[dict[str, str]]:
    """Verdicts: the target's, and others' where they are not `ok`."""
    said = {TARGET: target, FRIEND: "ok", LITERAL: "ok", **others}
    split = {url: verdict.partition(" ") for url, verdict in said.items()}
    return [
        {"input": url, "outcome": parts[0], "block_type": parts[2], "rule_id": "r/1", "evidence": "run.7"}
        for url, parts in split.items()
    ]


def judged(
    rows: list[dict[str, str]], *, drawn: DrawnScenario | None = None, log: tuple[TruthEntry, ...] = FIRED,
    level: str = "packet", helpers: bool = True, run: dict[str, str] | None = None,
    services: Sequence[dict[str, str]] = (),
) -> Judgement:
    """What is to be said of these verdicts."""
    return judge(drawn or scene(), rows, run or NOT_MEASURED, log, level=level, helpers=helpers, services=services)


def met(judgement: Judgement) -> dict[str, bool]:
    """Input -> whether its verdict is right."""
    return {row.subject: row.met for row in judgement.rows}
