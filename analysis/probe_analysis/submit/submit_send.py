"""Submits what waits, the oldest run first, a report each, until all is done, the time is over, or something fails."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from probe.core.progress import Progress, ignore_progress
from probe.store.archive.own_files import SUBMIT_FOLDER
from probe.store.files.atomic import StoreError
from probe.store.runs.run_reader import whole
from probe.upkeep.upload.sender import UploadError
from probe.upkeep.upload.sending import EnoughSent, Sending, send_each
from probe.upkeep.upload.upload_state import UploadState, get_now, note_done, prune_state, read_state, write_state
from probe_analysis.submit.collector import (
    ACCEPTED,
    DECLINED,
    FAILED,
    LEAST_S,
    MAX_MEASUREMENT_BYTES,
    UNSURE,
    CollectorClient,
    encode_measurement,
)
from probe_analysis.submit.published_runs import (
    RipeRun,
    add_report_names,
    make_measurement_key,
    make_public_measurements,
    make_report_opening,
)
from probe_analysis.submit.submit_journal import BEGUN, REPORT, SubmitJournal, log_reports, open_journal, prune_journals

MAX_REFUSED = 3
"""So many refusals one after the other end it: the collector takes none of ours."""


@dataclass(slots=True, kw_only=True)
class SubmitResult(Sending):
    """What became of it, of this time alone but for `unsure`, which counts what an earlier time left so as well."""

    accepted: int = 0
    refused: int = 0
    unsure: int = 0
    notes: list[str] = field(default_factory=list)
    """What did not end it: refusals, reports that were not closed, runs that cannot be read."""
    reports: list[tuple[str, str]] = field(default_factory=list)
    """(run, report)."""
    uids: list[str] = field(default_factory=list)
    in_a_row: int = 0


def list_waiting_runs(directory: Path, place: str, ripe: Sequence[RipeRun]) -> list[RipeRun]:
    """The runs that are not done with at a collector. Raises StoreError."""
    return _waiting(read_state(directory, place, SUBMIT_FOLDER), ripe)


def submit_waiting_runs(directory: Path, collector: CollectorClient, ripe: Sequence[RipeRun], *, at_most: int,
                        progress: Progress = ignore_progress, rng: random.Random | None = None) -> SubmitResult:
    """Submit the runs that wait, `at_most` so many measurements. One failure ends it and is remembered, with when to
    try again.

    Only the holder of the lock of the submissions may call this. Raises StoreError when state or journal cannot be
    read or written, ValueError for a run of the laboratory and a collector that is not on this device.
    """
    if not collector.loopback and any(one.run.vantage.lab for one in ripe):
        raise ValueError("what was made in the laboratory is sent to no collector but one on this device")
    done = SubmitResult(state=prune_state(read_state(directory, collector.url, SUBMIT_FOLDER), directory))
    prune_journals(directory, collector.url)
    send_each(_waiting(done.state, ripe), lambda one: _submit_run(directory, collector, one, done, at_most), done,
              directory, SUBMIT_FOLDER, progress=progress, rng=rng)
    done.left = len(_waiting(done.state, ripe))
    return done


def _waiting(state: UploadState, ripe: Sequence[RipeRun]) -> list[RipeRun]:
    return [one for one in ripe if one.run.run_id not in state.done.get(one.day, ())]


def _submit_run(directory: Path, collector: CollectorClient, one: RipeRun, done: SubmitResult, at_most: int) -> None:
    try:
        everything = {make_measurement_key(m): m for m in make_public_measurements(whole(directory, one.run), one.cell)}
    except StoreError as error:
        done.notes.append(f"not sent, because it cannot be read: {error}")
        return
    journal = open_journal(directory, collector.url, one.run.run_id)
    try:
        if left := {key: m for key, m in everything.items() if not journal.is_settled(key)}:
            _report(collector, journal, one, left, done, at_most)
    finally:
        done.unsure += journal.count(UNSURE)
    log_reports(directory, {"time": get_now(), "to": collector.url, "run": one.run.run_id, "reports": journal.reports}
                | {word: journal.count(word) for word in (ACCEPTED, DECLINED, UNSURE)})
    done.state = note_done(done.state, one.day, one.run.run_id, at=get_now())
    write_state(directory, done.state, SUBMIT_FOLDER)
    journal.remove()
    done.runs += 1


def _report(collector: CollectorClient, journal: SubmitJournal, one: RipeRun, left: dict[str, dict[str, Any]],
            done: SubmitResult, at_most: int) -> None:
    """Send measurements of a run in a report of their own: one that an earlier time began may be gone by now."""
    _check_room(collector, done, at_most)
    report = collector.open(make_report_opening(next(iter(left.values()))))
    journal.note(REPORT, report)
    done.reports.append((one.run.run_id, report))
    try:
        for key, measurement in left.items():
            _check_room(collector, done, at_most)
            _submit(collector, journal, key, add_report_names(measurement, report_id=report, salt=journal.salt), done)
    except EnoughSent:
        collector.close(report)
        raise
    if why := collector.close(report):
        done.notes.append(f"report {report} was not closed: {why}")


def _check_room(collector: CollectorClient, done: SubmitResult, at_most: int) -> None:
    if collector.left_s() < LEAST_S or done.accepted + done.refused >= at_most:
        raise EnoughSent


def _submit(collector: CollectorClient, journal: SubmitJournal, key: str, measurement: dict[str, Any],
            done: SubmitResult) -> None:
    if (size := len(encode_measurement(measurement))) > MAX_MEASUREMENT_BYTES:
        journal.note(DECLINED, key)
        done.refused += 1
        done.notes.append(f"a measurement of {size} bytes is larger than what is sent")
        return
    journal.note(BEGUN, key)
    outcome = collector.submit(measurement["report_id"], measurement)
    journal.note(outcome.word, key, outcome.uid)
    if outcome.word in (FAILED, UNSURE):
        raise UploadError(outcome.why)
    if outcome.word == ACCEPTED:
        done.accepted, done.in_a_row = done.accepted + 1, 0
        done.uids += [outcome.uid] if outcome.uid else []
        return
    done.refused, done.in_a_row = done.refused + 1, done.in_a_row + 1
    done.notes.append(f"a measurement was not taken: {outcome.why}")
    if done.in_a_row >= MAX_REFUSED:
        raise UploadError(f"{MAX_REFUSED} measurements one after the other were not taken: {outcome.why}")
