"""The figures of a soak side by side, and which of them are wrong. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Figures = Mapping[str, Any]
MAX_GROWTH_KIB = 8 << 10
"""From the second month to the last: what an allocator may keep, and far less than a leak of a byte in a thousand
would make of a year."""
_MIN_MONTHS = 3

_ROWS: tuple[tuple[str, Callable[[Figures], str]], ...] = (
    ("runs stored", lambda f: f"{f['end']['runs']:,}"),
    ("removed by the limits", lambda f: f"{f['end']['removed']:,}"),
    ("kills", lambda f: f"{f['counts'].get('killed', 0) if 'counts' in f else f['killed']:,}"),
    ("rows expected", lambda f: f"{f['end']['rows_expected']:,}"),
    ("rows found", lambda f: f"{f['end']['rows_found']:,}"),
    ("rows doubled", lambda f: f"{f['end']['rows_doubled']:,}"),
    ("rows lost", lambda f: f"{f['end']['rows_lost']:,}"),
    ("torn files", lambda f: f"{f['end']['torn']:,}"),
    ("half-written files left", lambda f: f"{f['end']['temporary']:,}"),
    ("runs broken off while writing", lambda f: f"{f['end']['unfinished']:,}"),
    ("lock", lambda f: "free" if f["lock_free"] else "HELD"),
    ("memory, month 1 / 6 / 12", lambda f: _memory(f)),
    ("disk, most / quota", lambda f: f"{_mb(f['most_disk_bytes'])} / {_mb(f['quota_bytes'])} MB ({f['disk']})"
     if "disk" in f else ""),
)


def table(found: Mapping[str, Figures]) -> list[str]:
    """A column a part; what happened in the year below it."""
    whole = {name: figures for name, figures in found.items() if "end" in figures}
    rows = [("", *whole), *((label, *(say(figures) for figures in whole.values())) for label, say in _ROWS)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(whole) + 1)]
    lines = ["  ".join(f"{cell:<{width}}" if not i else f"{cell:>{width}}" for i, (cell, width) in
                       enumerate(zip(row, widths, strict=True))).rstrip() for row in rows] if whole else []
    for name, figures in found.items():
        if "left_out" in figures:
            lines.append(f"{name}: left out, this machine makes no laboratory: {figures['left_out']}")
        if "counts" in figures:
            counts = ", ".join(f"{what} {n}" for what, n in sorted(figures["counts"].items()))
            lines.append(f"what happened in {figures['hours']:,} hours: {counts}")
    return lines


def check(name: str, figures: Figures) -> list[str]:
    """What is wrong with a part; nothing for one that was left out."""
    if "left_out" in figures:
        return []
    wrong = list(figures["wrong"])
    for when in ("halfway", "end"):
        wrong += _amiss(figures[when], when) if when in figures else []
    if not figures.get("lock_free", True):
        wrong.append("the lock is held though nobody runs")
    if figures.get("most_disk_bytes", 0) > figures.get("quota_bytes", 0):
        wrong.append("the results took more than their quota")
    months = figures.get("memory_kib", ())
    if len(months) >= _MIN_MONTHS and months[-1] - months[1] > MAX_GROWTH_KIB:
        wrong.append(f"memory grew by {months[-1] - months[1]} KiB from the second month to the last")
    return wrong


def _amiss(tally: Figures, when: str) -> list[str]:
    wrong = [f"{when}: {text}" for text in tally["wrong"]]
    wrong += [f"{when}: {tally[what]} {what}" for what in ("rows_doubled", "rows_lost", "torn", "temporary")
              if tally[what]]
    if tally["rows_found"] != tally["rows_expected"]:
        wrong.append(f"{when}: {tally['rows_found']} rows, expected {tally['rows_expected']}")
    if not tally["runs"]:
        wrong.append(f"{when}: there are no runs at all")
    return wrong


def _memory(figures: Figures) -> str:
    months = figures.get("memory_kib", ())
    if not months:
        return ""
    picked = (months[0], months[len(months) // 2 - 1], months[-1])
    return " / ".join(f"{kib / 1024:.1f}" for kib in picked) + " MiB"


def _mb(size: int) -> str:
    return f"{size / (1 << 20):.1f}"
