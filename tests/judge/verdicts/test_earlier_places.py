"""A place that an earlier run found decides where a name fails in the very same way, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from made_up_net import Net
from made_up_verdicts import HONEST, cut, verdict_on
from observations import EOF, RESET, TIMEOUT, endpoint
from probe.core.tables.block_types import CauseId
from probe.core.tables.evidence_words import HopWhere
from probe.judge.hops.hop_evidence import HopLocation
from probe.judge.verdicts.earlier_places import EarlierPlace, list_found_places, list_used_places


def placed(cause: CauseId = "tls.reset.sni", where: HopWhere = "before", url: str = "") -> dict[str, EarlierPlace]:
    found = HopLocation(least=2, most=3, where=where, scope="access", found_in="r0")
    return {url or endpoint().input: EarlierPlace(cause=cause, where=found)}


@pytest.mark.parametrize(("net", "earlier", "blocked"), [
    (cut("tls", RESET), placed(), True),
    (cut("tls", TIMEOUT), placed("tls.mute.sni"), True),
    (cut("tls", TIMEOUT), placed(), False),
    (cut("tls", EOF), placed(), False),
    (cut("tls", RESET), placed("http.reset.host"), False),
    (cut("tls", RESET), placed(where="unknown"), False),
    (cut("tls", RESET), placed(url="https://other.example/"), False),
    (cut("tls", RESET), {}, False),
    (Net(dns=HONEST), placed(), False),
], ids=["alike", "silence alike", "silence now", "a close now", "another cause", "no place", "another endpoint",
        "nothing known", "served now"])
def test_what_an_earlier_place_decides(net: Net, earlier: dict[str, Any], blocked: bool) -> None:
    found = verdict_on(net, earlier=earlier)
    assert (found.outcome == "blocked") == blocked
    assert (found.basis, found.hop, found.place_run_id) == (("place", "2-3", "r0") if blocked else ("", "", ""))


def test_a_lent_place_is_kept_with_the_verdict_and_lent_no_further() -> None:
    found = verdict_on(cut("tls", RESET), earlier=placed())
    assert list_used_places([found]) == placed()
    assert list_found_places("r1", [found]) == {}
