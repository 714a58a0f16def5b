"""Rules over services that answer, and whose connections lose what others' do not, or do not last
(`probe.judge.flow.loss_evidence`, `stay_evidence`).

They come before the rules that acquit: a service that is slowed by loss answers, and looks well. They stand aside where
every attempt fails, since what is cut off has rules of its own.
"""

from __future__ import annotations

from probe.core.tables.basis_words import COMPANY_ALONE, OF_ADDRESSES, OF_FLOWS
from probe.judge.common.rule import Rule
from probe.judge.path.path_context import PathContext, PathRule, strikes_at_helpers
from probe.judge.path.suspicions import suspect_ending, suspect_freezing


def _loses_alone(c: PathContext) -> bool:
    fails_throughout = 0 < c.path.attempts == c.path.failed_attempts
    return c.path.lasting.loss.is_shown and not fails_throughout and not c.self_block and c.ladder.well


def _is_kept(c: PathContext) -> bool:
    """It works, and its connections were kept for a while."""
    return c.path.last_ok and c.path.lasting.stay.made > 0 and not c.self_block and c.ladder.well


def _freezes(c: PathContext) -> bool:
    """It works, and small records freeze its connections and not innocent ones'."""
    return c.path.last_ok and c.path.lasting.records.is_shown and not c.self_block and c.ladder.well


LOSS: tuple[PathRule, ...] = (
    Rule(id="tcp/degraded_by_name", outcome="blocked", block_type="tcp.degrade.sni", confidence=0.9,
         needs=("innocent", "later_slots"),
         rests_on=OF_FLOWS, finds_place=strikes_at_helpers("slowed", beside=("frozen", "lossy")),
         why=("at this address connections under this name keep losing packets, those under a harmless name do not: "
              "interference by name"),
         holds=lambda c: _loses_alone(c) and c.path.lasting.loss.by_name),
    Rule(id="tcp/degraded_address", outcome="blocked", block_type="tcp.degrade.address", confidence=0.8,
         needs=("ladder",),
         rests_on=OF_ADDRESSES,
         why="connections to this service keep losing packets; connections to two other organisations, made in "
             "between, do not: interference by address",
         holds=_loses_alone),
    Rule(id="flow/cut_later", outcome="blocked", block_type="flow.cut", confidence=0.8,
         needs=("innocent", "later_slots"),
         rests_on=COMPANY_ALONE,
         why=("here all connections under this name are reset after seconds; those under a harmless name stay open: a "
              "block"),
         holds=lambda c: _is_kept(c) and c.path.lasting.stay.is_cut),
    Rule(id="flow/silenced_later", outcome="blocked", block_type="flow.freeze", confidence=0.8,
         needs=("innocent", "later_slots"),
         rests_on=COMPANY_ALONE,
         why=("here all connections under this name fall silent after seconds; those under a harmless name continue: a "
              "block"),
         holds=lambda c: _is_kept(c) and c.path.lasting.stay.is_silenced),
    Rule(id="flow/frozen_by_small_records", outcome="blocked", block_type="flow.freeze", confidence=0.85,
         needs=("innocent",),
         rests_on=OF_FLOWS, finds_place=strikes_at_helpers("frozen"),
         why=("under this name all connections fall silent after a few packets; under a harmless name they "
              "continue: a block"),
         holds=_freezes),
    Rule(id="flow/small_records_unanswered", outcome="inconclusive", block_type="inconclusive.unconfirmed",
         confidence=0.5, needs=("innocent",),
         why=("some connections under this name fell silent after a few packets: this is not enough to show a block"),
         suspects=suspect_freezing,
         holds=lambda c: c.path.last_ok and c.path.lasting.records.is_doubtful),
    Rule(id="flow/does_not_last", outcome="inconclusive", block_type="inconclusive.unconfirmed", confidence=0.5,
         needs=("innocent", "later_slots"),
         why=("some connections failed after seconds, those under a harmless name lasted: this is not enough to show "
              "a block"),
         suspects=suspect_ending,
         holds=lambda c: _is_kept(c) and c.path.lasting.stay.is_doubtful and c.path.lasting.stay.outlived > 0),
    Rule(id="flow/never_lasts", outcome="inconclusive", block_type="inconclusive.unconfirmed", confidence=0.5,
         needs=("later_slots",),
         why=("every connection that we kept open failed after seconds; a test with harmless names was impossible: "
              "nothing shows the cause"),
         suspects=suspect_ending,
         holds=lambda c: _is_kept(c) and c.path.lasting.stay.is_unexplained),
)
