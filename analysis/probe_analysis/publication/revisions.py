"""The history of a released data set: what each release holds, and what it changed of the one before.

Names of runs are new in every release, so releases are compared by their counts: rows of each day and of each outcome.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from probe.core.json_decoders import decode_json
from probe.core.visible_text import visible
from probe.store.files.atomic import StoreError, translate_os_errors
from probe_analysis.publication.package_facts import PackageFacts

REVISIONS_FILE = "revisions.json"
_MAX_BYTES = 8 << 20
_MAX_REVISIONS = 1000
_SHOWN_DAYS = 20


class TableState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table of a release."""

    rows: int
    days: dict[str, int]
    """UTC day -> rows."""
    outcomes: dict[str, int]


class Revision(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One release."""

    version: str
    made_on: str
    note: str
    tables: dict[str, TableState]


def make_revision(facts: PackageFacts) -> Revision:
    """What is remembered of the release that these facts are of."""
    return Revision(
        version=facts.order.version, made_on=f"{facts.made:%Y-%m-%d}", note=facts.order.note,
        tables={name: TableState(rows=table.rows, days=dict(sorted(table.days.items())),
                                 outcomes=dict(sorted(table.outcomes.items())))
                for name, table in facts.tables.items()})


def read_revisions(package: Path) -> list[Revision]:
    """The history in an earlier package, oldest first. Raises StoreError where there is none that can be read."""
    path = package / REVISIONS_FILE
    with translate_os_errors(path), path.open("rb") as file:
        raw = file.read(_MAX_BYTES + 1)
    try:
        if len(raw) > _MAX_BYTES:
            raise ValueError(f"larger than {_MAX_BYTES >> 20} MiB")
        found = decode_json(raw, list[Revision])
    except ValueError as error:
        raise StoreError(f"{path}: is no history of releases ({error}); name a package that probe wrote") from error
    if not 0 < len(found) <= _MAX_REVISIONS:
        raise StoreError(f"{path}: a history has 1 to {_MAX_REVISIONS} releases; name a package that probe wrote")
    return found


def check_new_version(earlier: Sequence[Revision], version: str) -> None:
    """Raises StoreError where a release of that version was made already: what is published never changes."""
    if version in {revision.version for revision in earlier}:
        raise StoreError(f"version {visible(version)} was released already; give another with --release-version")


def write_changelog(revisions: Sequence[Revision]) -> str:
    """The history in Markdown, newest first."""
    parts = ["# Changes\n"]
    before: Revision | None = None
    for revision in revisions:
        parts.insert(1, _section(revision, before))
        before = revision
    return "\n".join(parts)


def _section(now: Revision, before: Revision | None) -> str:
    lines = [f"## {visible(now.version)} ({visible(now.made_on)})", ""]
    lines += [visible(now.note), ""] if now.note else []
    lines += [line for name in now.tables for line in _table(name, now.tables[name],
                                                            before.tables.get(name) if before else None)]
    return "\n".join(lines) + "\n"


def _table(name: str, now: TableState, before: TableState | None) -> list[str]:
    if before is None:
        return [f"- `{visible(name)}`: {now.rows} rows of {len(now.days)} days."]
    added = sorted(now.days.keys() - before.days.keys())
    gone = sorted(before.days.keys() - now.days.keys())
    other = sorted(day for day in now.days.keys() & before.days.keys() if now.days[day] != before.days[day])
    lines = [f"- `{visible(name)}`: {now.rows} rows, {before.rows} before."]
    lines += [f"  - {words}: {_days(days)}." for words, days in
              (("days added", added), ("days removed", gone), ("days with more or fewer rows", other)) if days]
    changed = [f"{visible(word)} {before.outcomes.get(word, 0)} -> {now.outcomes.get(word, 0)}"
               for word in sorted(now.outcomes.keys() | before.outcomes.keys())
               if now.outcomes.get(word, 0) != before.outcomes.get(word, 0)]
    return lines + ([f"  - outcomes: {', '.join(changed)}."] if changed else [])


def _days(days: Sequence[str]) -> str:
    shown = ", ".join(visible(day) for day in days[:_SHOWN_DAYS])
    return shown if len(days) <= _SHOWN_DAYS else f"{shown} and {len(days) - _SHOWN_DAYS} more"
