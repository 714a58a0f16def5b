"""What a run hands on while it goes on is what its log has in the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from observations import HERE4, lookup, operation, told
from probe.core.addresses import NEAR
from probe.core.observations import ControlAnswer, Observation
from probe.core.replies import DnsReply
from probe.core.runs import Run
from probe.session.observation_log import ObservationLog
from probe.session.run_keeping import BookKeeping

OUR6, HOUSE6 = "2a00:1450:4001:1::5", "2a00:1450:4001:2::1"


class _Kept:
    """Keeps what it is handed, as a stored run would have it."""

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.seen: dict[int, Observation] = {}
        self.told: list[ControlAnswer] = []

    def begin(self, run: Run) -> None:
        self.runs.append(run)

    def keep(self, observations: Sequence[Observation], controls: Sequence[ControlAnswer]) -> None:
        self.seen |= {o.sequence: o for o in observations}
        self.told += controls

    def end_measuring(self) -> None:
        raise AssertionError


def test_it_hands_on_all_that_the_log_has() -> None:
    log, kept = ObservationLog("r-1"), _Kept()
    log.add(operation("connect", HERE4))  # of the ladder
    keeping = BookKeeping(log, kept, ours=(OUR6,), make_row=lambda: Run(run_id="r-1", measurement_start_time=""))
    keeping.keep_new()
    assert kept.runs == []
    first = log.add(lookup(HERE4))
    keeping.keep_new()
    keeping.keep_new()
    log.add(operation("tls_handshake", HERE4))
    log.add_control(told())
    log.amend(first, (DnsReply(delay_ms=1.0, answers=(HERE4,)),), 99)
    keeping.keep_new()
    assert len(kept.runs) == 1
    assert [kept.seen[number] for number in sorted(kept.seen)] == log.observations
    assert kept.told == log.controls


def test_the_household_is_hidden_on_disk_too() -> None:
    log, kept = ObservationLog("r-1"), _Kept()
    keeping = BookKeeping(log, kept, ours=(OUR6,), make_row=lambda: Run(run_id="r-1", measurement_start_time=""))
    log.add(replace(operation("connect", HOUSE6), mismatch=f"from {HOUSE6}"))
    keeping.keep_new()
    assert (kept.seen[0].address, kept.seen[0].mismatch) == (NEAR, f"from {NEAR}")
