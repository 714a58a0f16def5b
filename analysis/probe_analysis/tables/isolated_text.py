"""Texts of others on a page. Pure."""

from __future__ import annotations

from probe.upkeep.page.markup import Html, make_tag


def isolate_text(text: str, *, limit: int = 200) -> Html:
    """A text that came from the network, cut, isolated from the direction of the text around it."""
    cut = text if len(text) <= limit else text[:limit] + "…"
    return make_tag("bdi", cut, class_="net")
