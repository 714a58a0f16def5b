"""Hands on what a run has seen while it goes on, so that a run that is ended from outside is not lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from probe.core.observations import ControlAnswer, Observation
from probe.core.runs import Run
from probe.session.observation_log import ObservationLog


class RunKeeper(Protocol):
    """Whoever keeps it. None of these raises: what cannot be kept hinders no run."""

    def begin(self, run: Run) -> None:
        """The run's row, as far as it is known while the first targets are measured."""

    def keep(self, observations: Sequence[Observation], controls: Sequence[ControlAnswer]) -> None:
        """What is new; an observation with a known number takes the place of the earlier one."""

    def end_measuring(self) -> None:
        """All was measured; what follows is judging and writing."""


class NoKeeper:
    """Keeps nothing."""

    def begin(self, run: Run) -> None:
        """Nothing."""

    def keep(self, observations: Sequence[Observation], controls: Sequence[ControlAnswer]) -> None:
        """Nothing."""

    def end_measuring(self) -> None:
        """Nothing."""


KEEP_NOTHING: Final = NoKeeper()


class BookKeeping:
    """Hands on what a run's log has new, without the household's own addresses (`probe.judge.common.nearness`)."""

    def __init__(self, log: ObservationLog, keeper: RunKeeper, *, ours: Sequence[str],
                 make_row: Callable[[], Run]) -> None:
        self._log, self._keeper, self._ours, self._make_row = log, keeper, tuple(ours), make_row
        self._seen = self._told = 0
        self._before = len(log.observations)
        self._words: dict[str, str] = {}

    def keep_new(self) -> None:
        """Called between two turns of the run's one thread. It begins once a target has been asked, so that it delays
        no first packet."""
        log = self._log
        if self._keeper is KEEP_NOTHING or len(log.observations) == self._before:
            return
        if not self._seen:
            self._keeper.begin(self._make_row())
        fresh = [*(log.observations[i] for i in log.take_amended() if i < self._seen), *log.observations[self._seen:]]
        answers = log.controls[self._told:]
        if fresh or answers:
            self._hand_on(fresh, answers)

    def _hand_on(self, fresh: Sequence[Observation], answers: Sequence[ControlAnswer]) -> None:
        from probe.judge.common.nearness import conceal_addresses, map_near_addresses

        self._seen, self._told = len(self._log.observations), len(self._log.controls)
        self._words |= map_near_addresses(fresh, self._ours)
        self._keeper.keep([conceal_addresses(o, self._words) for o in fresh],
                          [conceal_addresses(c, self._words) for c in answers])
