"""docs/picture.svg: the whole on one picture, drawn from the boxes below; readable on light and dark pages."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

WIDTH, BOX_W, BOX_H, GAP, ROW_H, LEFT, TOP = 944, 200, 72, 32, 132, 24, 44

_STYLE = """
svg { --page: #fff; --ink: #1f2328; --soft: #57606a; --line: #8c959f; --box: #f6f8fa; --mark: #ddf4ff; }
@media (prefers-color-scheme: dark) {
  svg { --page: #0d1117; --ink: #e6edf3; --soft: #9da7b3; --line: #6e7681; --box: #161b22; --mark: #10304d; }
}
text { font-family: system-ui, sans-serif; fill: var(--ink); font-size: 13px; }
.row { font-size: 14px; font-weight: 600; fill: var(--soft); }
.title { font-weight: 600; }
.soft { fill: var(--soft); font-size: 12px; }
.page { fill: var(--page); }
.box { fill: var(--box); stroke: var(--line); }
.mark { fill: var(--mark); stroke: var(--line); }
.arrow { stroke: var(--soft); stroke-width: 1.5; fill: none; marker-end: url(#head); }
.head { fill: var(--soft); }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """One part: its title, two lines of text, and whether it is a thing that the program makes."""

    title: str
    lines: tuple[str, str]
    ours: bool = True


ROWS: tuple[tuple[str, tuple[Box, ...]], ...] = (
    ("Measure", (
        Box(title="Volunteer's device", lines=("probe run, by the", "list of targets")),
        Box(title="The way", lines=("provider, filters,", "a censor perhaps"), ours=False),
        Box(title="Messengers' servers", lines=("names, addresses, pages,", "their own first words"), ours=False),
        Box(title="Controls elsewhere", lines=("helpers, signed feeds:", "does it work there?")),
    )),
    ("Judge", (
        Box(title="Observations", lines=("what happened,", "packets where allowed")),
        Box(title="Rules", lines=("the first that holds,", "or a suspicion")),
        Box(title="Verdicts", lines=("outcome, cause,", "confidence, evidence")),
        Box(title="Results folder", lines=("signed tables,", "CSV and Parquet")),
    )),
    ("Together", (
        Box(title="Collect", lines=("many volunteers' runs,", "verified and merged")),
        Box(title="Cells and population", lines=("counts by network,", "target and hour")),
        Box(title="Events", lines=("when a block began,", "and when it ended")),
        Box(title="Report, look, release", lines=("pages, figures, and", "data to publish")),
    )),
    ("Prove", (
        Box(title="Laboratory", lines=("a closed internet with", "censors and innocents")),
        Box(title="Score", lines=("verdicts against truth,", "misses included")),
    )),
)
"""Rows from top to bottom; in each an arrow leads from a box to the next."""
BACK = (("Measure", 2), ("Measure", 3))
"""The pair whose arrow points both ways: controls ask the servers as well."""


def page() -> str:
    """The whole picture."""
    height = TOP + ROW_H * len(ROWS) - (ROW_H - BOX_H) + LEFT
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
             'aria-labelledby="t d">', '<title id="t">How the parts work together</title>',
             f'<desc id="d">{escape(describe())}</desc>',
             f"<style>{_STYLE}</style>",
             '<defs><marker id="head" markerWidth="9" markerHeight="9" refX="7" refY="4" orient="auto-start-reverse">'
             '<path class="head" d="M0,0 L8,4 L0,8 z"/></marker></defs>',
             f'<rect class="page" width="{WIDTH}" height="{height}" rx="8"/>']
    for number, (name, boxes) in enumerate(ROWS):
        parts += _draw_row(number, name, boxes)
    parts += [_turn(number) for number in range(2)]
    return "\n".join([*parts, "</svg>"]) + "\n"


def describe() -> str:
    """The picture in words, for those who cannot see it."""
    return " ".join(f"{name}: {', then '.join(box.title for box in boxes)}." for name, boxes in ROWS)


def _draw_row(number: int, name: str, boxes: tuple[Box, ...]) -> list[str]:
    y = TOP + number * ROW_H
    parts = [f'<text class="row" x="{LEFT}" y="{y - 12}">{escape(name)}</text>']
    for column, box in enumerate(boxes):
        x = LEFT + column * (BOX_W + GAP)
        kind = "mark" if box.ours else "box"
        parts.append(f'<rect class="{kind}" x="{x}" y="{y}" width="{BOX_W}" height="{BOX_H}" rx="6"/>')
        parts.append(f'<text class="title" x="{x + 12}" y="{y + 22}">{escape(box.title)}</text>')
        parts += [f'<text class="soft" x="{x + 12}" y="{y + 41 + 16 * i}">{escape(line)}</text>'
                  for i, line in enumerate(box.lines)]
        if column:
            both = ' marker-start="url(#head)"' if ((name, column - 1), (name, column)) == BACK else ""
            parts.append(f'<path class="arrow" d="M{x - GAP + 2},{y + BOX_H // 2} H{x - 3}"{both}/>')
    return parts


def _turn(number: int) -> str:
    """From a row to the next: down from the device, or from the end of the row to the beginning of the next."""
    y = TOP + number * ROW_H + BOX_H
    first = LEFT + BOX_W // 2
    if number == 0:
        return f'<path class="arrow" d="M{first},{y + 2} V{y + ROW_H - BOX_H - 3}"/>'
    last = LEFT + 3 * (BOX_W + GAP) + BOX_W // 2
    return f'<path class="arrow" d="M{last},{y + 2} v18 H{first} V{y + ROW_H - BOX_H - 3}"/>'
