"""Recordings of the rules that vary the shape of the hello, or the address that the name is sent to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from observations import WELL, path
from probe.judge.path.path_context import PathContext
from probe.judge.tls.shape_evidence import ShapeEvidence

CONTRARY: dict[str, Any] = dict(controls_asked=2, controls_answered=2, controls_ok=2)
PASSED = ShapeEvidence(passed=("browser",), firm=("browser",), control_same=1, others_alike=1)
_NAMED = st.lists(st.sampled_from(["browser", "small", "large"]), unique=True).map(tuple)
ANY = st.builds(
    ShapeEvidence, passed=_NAMED, firm=_NAMED, split_passed=st.booleans(), control_same=st.integers(0, 2),
    others_alike=st.integers(0, 2),
    narrow=st.sampled_from(["passed", "cut", "failed", "silent", "unasked"]), innocent_small=st.booleans(),
    elsewhere=st.sampled_from(["", "name", "passes"]))


def scene(shapes: ShapeEvidence, **changes: Any) -> PathContext:
    return PathContext(path=path(shapes=shapes, **changes), ladder=WELL)


def shaped(shows: Mapping[str, dict[str, Any]]) -> Iterator[tuple[str, PathContext]]:
    """`shows`: layer and action -> how a path looks that ended so."""
    for stem, shown in shows.items():
        layer = stem.partition("/")[0]
        if layer == "tls":
            silent, alone = replace(PASSED, narrow="failed"), replace(PASSED, control_same=0)
            yield f"{stem}_fingerprint", scene(silent, **shown, **CONTRARY, innocent="failed")
            yield f"{stem}_name_and_shape", scene(PASSED, **shown, **CONTRARY, innocent="reached")
            yield f"{stem}_of_some_clients", scene(alone, **shown, **CONTRARY, innocent="failed")
        trigger = "sni" if layer == "tls" else "host"
        name, passes = ShapeEvidence(elsewhere="name"), ShapeEvidence(elsewhere="passes")
        yield f"{stem}_{trigger}_elsewhere", scene(name, **shown, innocent="failed")
        yield f"{stem}_only_there", scene(passes, **shown, **CONTRARY, innocent="reached")
        yield f"{stem}_by_this_server", scene(passes, **shown, innocent="reached")
    quiet = shows["tls/mute"] | CONTRARY
    yield "tls/small_segments_pass", scene(ShapeEvidence(narrow="passed"), **quiet, innocent="failed")
