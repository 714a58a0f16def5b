"""The page engine: templates that are filled with values. Every text is escaped, and an unknown name is an error."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from probe.catalogue.readiness import is_on_trial
from probe.core.visible_text import visible
from probe.upkeep.page.markup import Html, join_html
from probe_analysis.pages.language import ENGLISH, ReportLanguage

if TYPE_CHECKING:
    from jinja2 import Environment


def render(template: str, say: ReportLanguage = ENGLISH, /, **values: object) -> Html:
    """A file of `templates`, filled; in it `say` speaks the language. Raises UndefinedError for a value it lacks."""
    return Html(load_templates(say).get_template(template).render(values))


@cache
def load_templates(say: ReportLanguage = ENGLISH) -> Environment:
    """Our templates in one language."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("probe_analysis.pages"), autoescape=True, undefined=StrictUndefined, finalize=_finalize,
        trim_blocks=True, lstrip_blocks=True, auto_reload=False)
    made.globals |= {"say": say, "style": Html(load_style()), "escape_css": escape_css, "on_trial": is_on_trial}
    return made


@cache
def load_style() -> str:
    """The style sheet of every page."""
    return files("probe_analysis.pages").joinpath("page.css").read_text(encoding="utf-8")


def escape_css(text: str) -> Html:
    """A text of others within a quoted string of a style sheet."""
    return Html(re.sub(r"[^A-Za-z0-9_-]", lambda found: f"\\{ord(found[0]):x} ", visible(text)))


def _finalize(value: Any) -> Any:
    """What a template writes: markup of ours as it is, every other text escaped as all pages have it."""
    return value if hasattr(value, "__html__") else join_html(str(value))
