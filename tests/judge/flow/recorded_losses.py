"""One recording for each rule over services that answer, and lose packets or do not last."""

from __future__ import annotations

from typing import Any

from path_scenes import SERVED, scene
from probe.judge.flow.connection_loss import LossCount
from probe.judge.flow.loss_evidence import LossEvidence
from probe.judge.flow.record_evidence import RecordEvidence
from probe.judge.flow.stay_evidence import StayEvidence
from probe.judge.path.path_context import PathContext

STANDS_OUT = LossCount(connections=6, lossy=5, others=40, others_lossy=1, stands_out=True)


def losing(**shown: bool) -> PathContext:
    """A service that answers, and whose connections lose what others' do not."""
    return scene(proven=True, status=200, met="yes", **SERVED,
                 loss=LossEvidence(ordinary=STANDS_OUT, own_lossy=True, **shown))


def kept(**stay: int) -> PathContext:
    """A service that answers, and what became of connections that were kept."""
    return scene(proven=True, status=200, met="yes", **SERVED, stay=StayEvidence(**stay))


def recorded(**records: Any) -> PathContext:
    """A service that answers, and what became of small records."""
    return scene(proven=True, status=200, met="yes", **SERVED, records=RecordEvidence(**records))


LOSSES: dict[str, PathContext] = {
    "tcp/degraded_by_name": losing(by_name=True),
    "tcp/degraded_address": losing(by_address=True),
    "flow/cut_later": kept(asked=3, made=3, ended=3, asked_beside=3, outlived=3),
    "flow/silenced_later": kept(asked=3, made=3, silent=3, asked_beside=3, outlived=3),
    "flow/frozen_by_small_records": recorded(made=3, silent=3, froze_at=(24, 25, 24), passed_beside=2),
    "flow/small_records_unanswered": recorded(made=1, silent=1, froze_at=(24,)),
    "flow/does_not_last": kept(asked=3, made=3, ended=1, asked_beside=1, outlived=1),
    "flow/never_lasts": kept(asked=3, made=3, ended=3, asked_beside=3),
}
