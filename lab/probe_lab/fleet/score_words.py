"""Scores as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from math import isfinite

from probe.core.counted_words import count_things
from probe_lab.fleet.event_replay import MOST_CELLS, DetectionDelay
from probe_lab.fleet.fleet_score import LONG_H, UPTIMES, WITNESSES, FleetScore, GridCell
from probe_lab.fleet.hourly_replay import HourlyScore
from probe_lab.fleet.series_file import SeriesScore


def as_json(whole: FleetScore, parts: Sequence[FleetScore], grid: Sequence[GridCell]) -> dict[str, object]:
    """The score of all seeds, then of each."""
    return {
        **_summary(whole), "false_events": [asdict(event) for event in whole.false],
        "misses": [asdict(miss) for miss in whole.misses], "delays": [asdict(delay) for delay in whole.delays],
        "by_seed": [_summary(part) for part in parts],
        "by_witnesses_and_uptime": [
            {**asdict(cell), "recall": cell.found / cell.blocks if cell.blocks else None} for cell in grid],
    }


def _summary(score: FleetScore) -> dict[str, object]:
    return {
        "seeds": list(score.seeds), "recall": score.recall, "precision": score.precision,
        "onset_error_h": score.onset_error_h, "blocks": score.blocks, "found": score.found,
        f"blocks_of_{LONG_H}_h": score.blocks_long, f"found_of_{LONG_H}_h": score.found_long, "events": score.events,
        "true_events": score.true_events, "further_events": score.further_events,
        "unmeasured": score.unmeasured, "shutdowns": score.shutdowns,
        "shutdowns_found": score.shutdowns_found, "chronic": score.chronic, "chronic_told": score.chronic_told,
        "false_a_network_year": score.false_a_network_year,
        "full_blocks_replayed": len(score.delays), "suspected_in_1": _within(score.delays, "suspected", 1),
        f"confirmed_in_{MOST_CELLS}": _within(score.delays, "confirmed", MOST_CELLS),
        "wall_s": round(score.wall_s, 1), "hour_by_hour": _hourly(score.hourly) if score.hourly else None,
    }


def _hourly(score: HourlyScore) -> dict[str, object]:
    late = score.delay_h
    return {
        "country_weeks": round(score.country_weeks, 2), "told": score.reported, "false_alarms": score.false_alarms,
        "false_a_country_week": round(score.false_a_country_week, 4), "withdrawn": score.withdrawn,
        "withdrawn_true": score.withdrawn_true, "full_blocks_of_two_witnesses": len(score.blocks),
        "never_told": score.never_reported,
        "delay_h": late if late is not None and isfinite(late) else None,
    }


def _hourly_lines(score: HourlyScore | None) -> list[str]:
    if score is None:
        return []
    return [
        f"Told hour by hour: {count_things(score.reported, 'event')} in {score.country_weeks:.1f} country-weeks; false "
        f"alarms "
        f"{score.false_alarms}, {score.false_a_country_week:.3f} a country-week; withdrawn {score.withdrawn}, of which "
        f"{score.withdrawn_true} told something true",
        f"  full blocks that two or more witnesses met: {len(score.blocks)}, told after {_hours(score.delay_h)} "
        f"(median); never told: {score.never_reported}",
    ]


def _within(delays: Iterable[DetectionDelay], name: str, most: int) -> int:
    return sum((getattr(delay, name) or MOST_CELLS + 1) <= most for delay in delays)


def as_text(whole: FleetScore, grid: Sequence[GridCell]) -> str:
    """What a person wants to know first."""
    soon, sure = _within(whole.delays, "suspected", 1), _within(whole.delays, "confirmed", MOST_CELLS)
    lines = [
        f"{len(whole.seeds)} made-up fleets, {whole.network_years:.1f} network-years, {whole.wall_s:.0f} s",
        f"Recall of blocks of {LONG_H} h or longer: {_share(whole.found_long, whole.blocks_long)}; of all: "
        f"{_share(whole.found, whole.blocks)}; hardly measured and not counted: {whole.unmeasured}",
        f"Precision: {_share(whole.true_events, whole.events)}; false events a network-year: "
        f"{whole.false_a_network_year:.3f}",
        f"Onset error: median {_hours(whole.onset_error_h)}; events beyond the first of a block: "
        f"{whole.further_events}",
        f"Shutdowns found as such: {_share(whole.shutdowns_found, whole.shutdowns)}",
        f"Services that always fail at times: {whole.chronic}; with an event all the same: {whole.chronic_told}",
        f"Full blocks suspected after one measured hour: {_share(soon, len(whole.delays))}; confirmed after three: "
        f"{_share(sure, len(whole.delays))}",
    ]
    lines += _hourly_lines(whole.hourly)
    lines += [f"  false: seed {event.seed}, {event.kind} {event.service} in {event.place} from {event.onset} "
              f"({', '.join(event.during) or 'nothing'} going on)" for event in whole.false]
    lines += [f"  missed: seed {miss.seed}, {miss.service} in {miss.country} from {miss.begin}, {miss.hours} h, "
              f"strength {miss.strength}, measured in {miss.measured_hours} h" for miss in whole.misses]
    return "\n".join([*lines, *_grid_lines(grid)])


def _grid_lines(grid: Sequence[GridCell]) -> list[str]:
    if not grid:
        return []
    by_key = {(cell.witnesses, cell.uptime): cell for cell in grid}
    lines = [f"Recall of blocks of {LONG_H} h or longer, by witnesses in each network (rows) and uptime (columns):",
             "       " + "".join(f"{uptime:>16.0%}" for uptime in UPTIMES)]
    for witnesses in WITNESSES:
        cells = [by_key[witnesses, uptime] for uptime in UPTIMES]
        lines.append(f"{witnesses:7}" + "".join(f"{_share(cell.found, cell.blocks):>16}" for cell in cells))
    return [*lines, f"False events in these: {sum(cell.false for cell in grid)}"]


def series_json(seeds: Iterable[int], scores: Sequence[SeriesScore]) -> dict[str, object]:
    """The score of each seed on the same counts."""
    return {"by_seed": [
        {"seed": seed, "recall": score.recall, "onset_error_cells": score.onset_error, **asdict(score)}
        for seed, score in zip(seeds, scores, strict=True)]}


def series_text(scores: Sequence[SeriesScore]) -> str:
    """All seeds together."""
    head = scores[0]
    long = [block for score in scores for block in score.injected if block.stop - block.begin >= score.long_steps]
    errors = sorted(block.onset_error for score in scores for block in score.injected if block.onset_error is not None)
    middle = f"{errors[len(errors) // 2]} cells" if errors else "-"
    found = sum(block.found for block in long)
    return "\n".join([
        f"{head.rows} counts in {head.series} series, a cell is {head.step_s // 3600} h; "
        f"{count_things(head.rejected, 'row')} "
        "rejected",
        f"Events before anything was put in: {head.events_without}",
        f"Recall of blocks of {head.long_steps} cells or longer: {_share(found, len(long))}",
        f"Onset error: median {middle}; new events that tell of none of them: {sum(s.new_false for s in scores)}",
    ])


def _share(part: int, whole: int) -> str:
    return f"{part}/{whole}" if not whole else f"{part}/{whole} {_per_cent(part / whole)}"


def _per_cent(share: float) -> str:
    return f"{100 * share:.1f}%"


def _hours(value: float | None) -> str:
    return "-" if value is None else f"{value:g} h"


