"""What `probe feed` says of a feed that it has written: in lines for people, or as one line of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from probe.core.counted_words import choose_word, count_things
from probe.core.visible_text import visible

if TYPE_CHECKING:
    from probe.controls.feeds.feed_document import Feed, FeedEntry
    from probe_operate.feeds.feed_changes import FeedChange

MOST_SHOWN = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedReport:
    """A feed and what is to be said of it."""

    made: Feed
    bytes: int
    """Of the document, without its signature."""
    runtime_s: float
    """That the measuring took."""
    changes: tuple[FeedChange, ...]
    left_out: Mapping[str, tuple[str, ...]]
    """Why -> inputs that are not in it."""
    without_page: tuple[str, ...]
    """Inputs whose pages would have made it too large."""
    file: Path
    key: str
    """Name of the key that signed it."""
    runs: int = 0
    """Of a crowd's feed: runs that it is made of."""
    runs_left_out: Mapping[str, int] = field(default_factory=dict)
    """Of a crowd's feed: why -> runs that count for nothing."""

    def of_state(self, state: str) -> tuple[FeedEntry, ...]:
        """Its entries of this state."""
        return tuple(entry for entry in self.made.entries if entry.state == state)


def print_report(report: FeedReport, *, as_json: bool) -> None:
    """Print it."""
    (_tell_programs if as_json else _tell_people)(report)


def _tell_programs(report: FeedReport) -> None:
    made = report.made
    click.echo(json.dumps({
        "published": True, "name": made.name, "made": made.made.isoformat(), "file": str(report.file),
        "bytes": report.bytes, "runtime_s": round(report.runtime_s, 1), "key": report.key,
        "entries": len(made.entries), "ok": len(report.of_state("ok")),
        "silent": [entry.input for entry in report.of_state("fails")],
        "unclear": [entry.input for entry in report.of_state("unclear")],
        "left_out": report.left_out, "without_page": report.without_page,
        "changes": [asdict(change) for change in report.changes],
        **({"crowd": {"day": made.crowd.day.isoformat(), **msgspec.structs.asdict(made.crowd.members),
                      "runs": report.runs, "runs_left_out": report.runs_left_out}} if made.crowd else {})}))


def _tell_people(report: FeedReport) -> None:
    from probe_operate.feeds.feed_changes import describe_failure
    from probe_operate.feeds.feed_left_out import UNEXPECTED

    made = report.made
    click.echo(f"Written: {report.file}, {report.bytes} bytes, signed by {report.key}: {len(report.of_state('ok'))} of "
               f"{count_things(len(made.entries), 'endpoint')} {choose_word(len(made.entries), 'answers', 'answer')} "
               f"as they should, {_measured(report)}.")
    for why, count in report.runs_left_out.items():
        click.echo(f"Runs that count for nothing, since {why}: {count}")
    _lines("Do not answer", [f"{entry.input}: {describe_failure(entry)}, since {entry.since}"
                             for entry in report.of_state("fails")])
    _lines("Not clear, so that nothing is said of them", [entry.input for entry in report.of_state("unclear")])
    for why, inputs in report.left_out.items():
        if why in UNEXPECTED:
            _lines(f"Not in it, for {why}", list(inputs))
    for why, inputs in report.left_out.items():
        if why not in UNEXPECTED:
            click.echo(f"Not in it: {len(inputs)}, for {why[0].lower()}{why[1:].rstrip('.')}")
    _lines("Without their pages, which would make it too large", list(report.without_page))
    _lines("Changed since the last feed", [change.words for change in report.changes])


def _measured(report: FeedReport) -> str:
    crowd = report.made.crowd
    if crowd is None:
        return f"measured in {report.runtime_s:.0f} s"
    return (f"by {count_things(report.runs, 'run')} of {count_things(crowd.members.probes, 'volunteer')} or more in "
            f"{crowd.members.countries} "
            f"countries or more, counted in {report.runtime_s:.0f} s")


def _lines(title: str, lines: list[str]) -> None:
    if lines:
        click.echo(f"{title}: {len(lines)}")
    for line in lines[:MOST_SHOWN]:
        click.echo(f"  {visible(line)}")
    if len(lines) > MOST_SHOWN:
        click.echo(f"  and {len(lines) - MOST_SHOWN} more; --json has them all")
