"""HTML that escapes by default: every text that is not made here is taken for hostile."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from probe.core.visible_text import visible

_VOID = frozenset({"line", "path"})


class Html(str):
    """Markup that is safe as it stands."""

    __slots__ = ()

    def __html__(self) -> str:
        """As template engines ask for it."""
        return self


Child = str | Html | Iterable["Child"]


def make_tag(name: str, *children: Child, **attributes: str | float | None) -> Html:
    """An element; `class_` is `class`, `_` in attribute names becomes `-`, an attribute of None is left out."""
    words = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_clean(str(value))}"'
        for key, value in attributes.items() if value is not None
    )
    if name in _VOID:
        return Html(f"<{name}{words}/>")
    return Html(f"<{name}{words}>{join_html(*children)}</{name}>")


def join_html(*children: Child) -> Html:
    """Children one after the other, every plain text escaped."""
    return Html("".join(_render(child) for child in children))


_OPENING = {"\u2066": Html('<bdi dir="ltr">'), "\u2068": Html("<bdi>")}
_CLOSING = "\u2069"


def mark_isolates(text: str) -> Html:
    """A text of ours in which signs isolate names and commands, with elements in their place. Signs that do not pair
    are none of ours: they are shown, as those of every text."""
    made, depth = [], 0
    for part in re.split(f"([{''.join(_OPENING)}{_CLOSING}])", text):
        depth += (part in _OPENING) - (part == _CLOSING)
        if depth < 0:
            return join_html(text)
        made.append(_OPENING.get(part) or (Html("</bdi>") if part == _CLOSING else join_html(part)))
    return join_html(text if depth else made)


def _render(child: Child) -> str:
    if isinstance(child, Html):
        return child
    if isinstance(child, str):
        return _clean(child)
    return join_html(*child)


def _clean(text: str) -> str:
    return escape(visible(text), quote=True)
