"""The place of one name tells of the owner's other names that fail alike, and of nobody else's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from observations import RESET, TIMEOUT, endpoint, path, site_of
from probe.judge.hops.hop_evidence import NOWHERE, HopLocation
from probe.judge.packets.end_timing import EndTiming
from probe.judge.tls.shape_evidence import ShapeEvidence
from probe.judge.verdicts.site_case import SiteCase
from probe.judge.verdicts.site_company import TriedEndpoint
from probe.judge.verdicts.site_places import ShownCauses, gather_causes, gather_timed, with_causes

BEFORE = HopLocation(least=2, most=3, where="before")
RESET_HERE: dict[str, Any] = dict(stage="tls", failure=RESET)


def tried(service: str, **shown: Any) -> TriedEndpoint:
    of = endpoint(service=service, target_id=f"{service}.web.main")
    return TriedEndpoint(case=SiteCase(site=site_of(of)), endpoint=of, paths=[path(**shown)])


@pytest.mark.parametrize(("found", "other", "told"), [
    (tried("chat", **RESET_HERE, located=BEFORE), tried("chat", **RESET_HERE), True),
    (tried("chat", **RESET_HERE, located_by_name=BEFORE), tried("chat", **RESET_HERE), True),
    (tried("chat", **RESET_HERE, located=BEFORE), tried("other", **RESET_HERE), False),
    (tried("chat", **RESET_HERE, located=BEFORE), tried("chat", stage="tls", failure=TIMEOUT), False),
    (tried("chat", **RESET_HERE, located=BEFORE), tried("chat", stage="http", failure=RESET), False),
    (tried("chat", **RESET_HERE, located=BEFORE), tried("chat"), False),
    (tried("chat", **RESET_HERE, located=HopLocation(least=2, most=3, where="unknown")), tried("chat", **RESET_HERE),
     False),
    (tried("chat", **RESET_HERE, located=BEFORE), tried("chat", **RESET_HERE, located=HopLocation(where="unknown")),
     False),
], ids=["alike", "by another address", "another owner", "another failure", "another stage", "well", "no place",
        "searched in vain"])
def test_whose_place_is_told_to_whom(found: TriedEndpoint, other: TriedEndpoint, told: bool) -> None:
    (seen,) = with_causes(other, gather_causes([found, other])).paths
    assert seen.place.located_alike == (BEFORE if told else NOWHERE)


EARLY = EndTiming(attempts=3, sooner=3, middle_end_ms=20, lowest_rtt_ms=80, answered=1, served_after=True,
                  where="before")
SOME = replace(EARLY, sooner=2)
LATE = replace(EARLY, sooner=0)
GUARDED = replace(EARLY, where="unknown")


@pytest.mark.parametrize(("found", "other", "told"), [
    (tried("chat", **RESET_HERE, timing=EARLY), tried("chat", **RESET_HERE), True),
    (tried("chat", **RESET_HERE, timing=EARLY), tried("chat", **RESET_HERE, timing=SOME), True),
    (tried("chat", **RESET_HERE, timing=EARLY), tried("chat", **RESET_HERE, timing=LATE), False),
    (tried("chat", **RESET_HERE, timing=EARLY), tried("chat", **RESET_HERE, timing=GUARDED), False),
    (tried("chat", **RESET_HERE, timing=EARLY), tried("other", **RESET_HERE), False),
    (tried("chat", **RESET_HERE, timing=EARLY), tried("chat", stage="http", failure=RESET), False),
    (tried("chat", **RESET_HERE, timing=GUARDED), tried("chat", **RESET_HERE), False),
    (tried("chat", **RESET_HERE, timing=SOME), tried("chat", **RESET_HERE), False),
    (tried("chat", **RESET_HERE, timing=EARLY, located=HopLocation(where="door")), tried("chat", **RESET_HERE), False),
], ids=["nothing timed here", "one was late here", "all were late here", "at the border here", "another owner",
        "another stage", "a guard's", "one was late there", "a search found the door"])
def test_whose_early_ends_are_told_to_whom(found: TriedEndpoint, other: TriedEndpoint, told: bool) -> None:
    (seen,) = with_causes(other, ShownCauses(timed=gather_timed([found, other]))).paths
    assert seen.place.ends_too_soon == told


HELPERS, NAME, PASSES = (dict(shapes=ShapeEvidence(elsewhere=word)) for word in ("helpers", "name", "passes"))


@pytest.mark.parametrize(("found", "other", "told"), [
    (tried("chat", **RESET_HERE, **HELPERS), tried("chat", **RESET_HERE), "helpers"),
    (tried("chat", **RESET_HERE, **NAME), tried("chat", **RESET_HERE), "name"),
    (tried("chat", **RESET_HERE, **PASSES), tried("chat", **RESET_HERE), ""),
    (tried("chat", **RESET_HERE), tried("chat", **RESET_HERE), ""),
    (tried("chat", **RESET_HERE, **HELPERS), tried("chat", **RESET_HERE, **PASSES), ""),
    (tried("chat", **RESET_HERE, **HELPERS), tried("other", **RESET_HERE), ""),
    (tried("chat", **RESET_HERE, **HELPERS), tried("chat", stage="tls", failure=TIMEOUT), ""),
    (tried("chat", **RESET_HERE, **HELPERS), tried("chat", stage="http", failure=RESET), ""),
    (tried("chat", **RESET_HERE, **HELPERS), tried("chat"), ""),
], ids=["helpers", "another owner's server", "served there", "nobody asked", "this one is served there",
        "another owner's name", "another failure", "another stage", "well"])
def test_what_a_name_met_elsewhere_is_told_to_its_owners_other_names(found: TriedEndpoint, other: TriedEndpoint,
                                                                     told: str) -> None:
    (seen,) = with_causes(other, gather_causes([found, other])).paths
    assert seen.place.elsewhere_alike == told
