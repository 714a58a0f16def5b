"""Recordings of programs' hellos that fail where the library's own pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from observations import EOF, RESET, TIMEOUT, WELL, path
from probe.judge.packets.end_timing import UNTIMED, EndTiming
from probe.judge.path.path_context import PathContext
from probe.judge.program.program_evidence import UNTRIED, ProgramEvidence

SERVED: dict[str, Any] = dict(stage="", failure="", last_ok=True, attempts=1, failed_attempts=0, proven=True, depth=3,
                              same_failure=False)
SOONER = EndTiming(attempts=4, sooner=4, middle_end_ms=20.0, lowest_rtt_ms=60.0, answered=3, served_after=True,
                   where="before")
STRUCK = ProgramEvidence(struck=("chrome", "firefox"), spared=("library", "conscrypt"), failed=4, turns=3,
                         failure=RESET, same_failure=True, acked="yes", innocent="reached", verified=True)
SILENT = replace(STRUCK, failure=TIMEOUT, failed=3, turns=2)
TOO_LARGE = replace(SILENT, innocent="failed", only_large=True, acked="no")
ENDS = {"reset": STRUCK, "close": replace(STRUCK, failure=EOF), "drop": replace(SILENT, acked="no"), "mute": SILENT}
ANY = st.builds(
    ProgramEvidence, struck=st.sampled_from([(), ("chrome",), ("safari",)]), failed=st.integers(0, 4),
    turns=st.integers(0, 3), failure=st.sampled_from(["", RESET, EOF, TIMEOUT]), same_failure=st.booleans(),
    acked=st.sampled_from(["", "yes", "no"]), innocent=st.sampled_from(["reached", "failed", "unasked"]),
    only_large=st.booleans(), verified=st.booleans(), tainted=st.booleans(),
    timing=st.sampled_from([UNTIMED, SOONER]), others_pass=st.integers(0, 2), others_alike=st.integers(0, 3),
    control_ok=st.integers(0, 1),
    control_failed=st.integers(0, 1),
    others_lost=st.integers(0, 3)) | st.just(UNTRIED)


def scene(programs: ProgramEvidence, **changes: Any) -> PathContext:
    return PathContext(path=path(programs=programs, **SERVED | changes), ladder=WELL)


def recorded() -> Iterator[tuple[str, PathContext]]:
    for action, seen in ENDS.items():
        yield f"program/{action}", scene(seen)
    yield "program/fails_elsewhere", scene(replace(STRUCK, control_failed=1))
    yield "program/large_lost", scene(replace(TOO_LARGE, others_lost=2))
    yield "program/large_fail", scene(replace(TOO_LARGE, others_pass=1))
    yield "program/imitation_fails", scene(replace(STRUCK, struck=("safari",), verified=False))
    yield "program/fails", scene(replace(STRUCK, failed=2, turns=1))
    yield "program/fails_at_times", scene(replace(UNTRIED, fails_at_times=True))
    yield "program/lost_at_last", scene(replace(UNTRIED, lost_at_last=True))
