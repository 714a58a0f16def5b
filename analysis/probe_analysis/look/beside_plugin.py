"""What plug-ins lay beside the measurements, as legal lists: found by entry points, so look knows none by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from probe_analysis.look.look_values import LookData, LookSentence, LookSubject
    from probe_analysis.pages.tables import PageTable

PLUGINS = "probe_analysis.beside"
"""Entry points that name a `BesidePlugin` each."""

Given = tuple[Any, ...]
"""The values of a plug-in's option, which only the plug-in understands."""


class BesidePart(Protocol):
    """What a plug-in read: a frozen dataclass, whose fields stand in the answer under `beside`."""

    def make_sentences(self, data: LookData) -> Iterator[LookSentence]:
        """What is said of it; every row that a sentence names has its anchor in a table."""

    def make_tables(self) -> Iterator[PageTable]:
        """Tables with the rows that its sentences rest on; nothing where nobody asked."""


class BesidePlugin(Protocol):
    """One kind of thing to lay beside. What is wrong with what a person gives is a `UsageError` of click."""

    @property
    def name(self) -> str:
        """Of its option's parameter."""

    @property
    def evidence(self) -> str:
        """The folder of its files in a bundle; empty: it puts none there."""

    def add_option(self, command: Callable[..., Any]) -> Callable[..., Any]:
        """The command, with an option that is repeated."""

    def check(self, given: Given, cc: str) -> None:
        """Raises UsageError for what does not fit this country."""

    def list_sources(self, given: Given) -> list[str]:
        """The files and URLs that a bundle is to hold."""

    def read(self, given: Given, subject: LookSubject, *, lab: bool, catalogue: str | None) -> BesidePart:
        """Reads what was given, which may be nothing. Raises StoreError."""

    def find_given(self, files: Sequence[Path], stored: Mapping[str, Any], cc: str) -> Given:
        """What was given when a bundle was made; `stored`: `beside` of its answer. Raises KeyError or ValueError."""

    def list_differences(self, stored: Mapping[str, Any], anew: Mapping[str, Any]) -> list[str]:
        """In what `beside` of two answers differs, a line each."""


@cache
def list_plugins() -> tuple[BesidePlugin, ...]:
    """Those that are installed, by name."""
    from importlib.metadata import entry_points

    return tuple(entry.load() for entry in sorted(entry_points(group=PLUGINS), key=lambda entry: entry.name))
