"""The picture that stands for a page where somebody shares a link to it: few words, a suspicion drawn as one. Pure."""

from __future__ import annotations

import textwrap

from probe.core.visible_text import visible
from probe.upkeep.page.markup import Html, make_tag

_WIDTH, _HEIGHT = 600, 315
STYLE = 'text { font-family: "DejaVu Sans", "Liberation Sans", Arial, sans-serif; }'


def draw_share_card(title: str, text: str, *, site: str, doubt: bool, lab: bool) -> str:
    """The SVG; PNG is made of it, since those who show links read nothing else."""
    heading = textwrap.wrap(visible(title), 26)[:2]
    lines = textwrap.wrap(visible(text), 52)
    shown = lines[:5] if len(lines) <= 5 else [*lines[:4], lines[4][:49] + "…"]
    edge = make_tag("rect", x="10", y="10", width=_WIDTH - 20, height=_HEIGHT - 20, fill="none", stroke="#1d2126",
                    stroke_width="3" if not doubt else "2", stroke_dasharray="9 7" if doubt else None)
    words = [make_tag("text", line, x="32", y=62 + 34 * at, font_size="28", font_weight="bold", fill="#1d2126")
             for at, line in enumerate(heading)]
    top = 62 + 34 * len(heading)
    if doubt:
        words.append(make_tag("text", "Suspicion, not established", x="32", y=top, font_size="17", fill="#8a5a00",
                              font_weight="bold"))
        top += 30
    words += [make_tag("text", line, x="32", y=top + 24 * at, font_size="16", fill="#1d2126")
              for at, line in enumerate(shown)]
    foot = f"{site} \u2013 made-up data of a laboratory" if lab else site
    words.append(make_tag("text", visible(foot)[:60], x="32", y=_HEIGHT - 28, font_size="14", fill="#4d555e"))
    return make_tag("svg", make_tag("style", Html(STYLE)),
                    make_tag("rect", width=_WIDTH, height=_HEIGHT, fill="#ffffff"), edge, words,
                    xmlns="http://www.w3.org/2000/svg", width=_WIDTH, height=_HEIGHT)
