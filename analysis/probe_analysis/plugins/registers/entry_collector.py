"""Gathers what one entry of a list names, whatever the list's form, and notes what is none of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from probe_analysis.plugins.registers.register_names import is_address, parse_name, parse_network, parse_url
from probe_analysis.plugins.registers.register_types import RefusedEntry, RegisterEntry

MAX_ITEMS = 20_000
"""Of one kind in one entry: the longest known hold some thousand addresses."""


@dataclass(slots=True, kw_only=True)
class CollectedEntries:
    """What was found in one entry; `refused` counts what was not understood."""

    place: int
    hosts: list[str] = field(default_factory=list)
    masks: list[str] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    page_hosts: list[str] = field(default_factory=list)
    networks: list[str] = field(default_factory=list)
    refused: list[RefusedEntry] = field(default_factory=list)

    def names(self, texts: Iterable[str]) -> None:
        """Names, with `*.` or a dot before them for all that lies below."""
        for text in self._some(texts):
            mask = text.startswith(("*.", "."))
            try:
                (self.masks if mask else self.hosts).append(parse_name(text.removeprefix("*").removeprefix(".")))
            except ValueError as error:
                self._refuse("a name", error)

    def addresses(self, texts: Iterable[str]) -> None:
        """Addresses and networks."""
        for text in self._some(texts):
            try:
                self.networks.append(parse_network(text))
            except ValueError as error:
                self._refuse("an address", error)

    def pages(self, texts: Iterable[str]) -> None:
        """URLs."""
        for text in self._some(texts):
            try:
                host, url = parse_url(text)
            except ValueError as error:
                self._refuse("a URL", error)
                continue
            self.urls.append(url)
            self.page_hosts.append(host)

    def anything(self, text: str) -> None:
        """A name, mask, URL, address or network, by its looks."""
        try:
            self.networks.append(parse_network(text))
        except ValueError:
            (self.pages if "://" in text or "/" in text else self.names)([text])

    def entry(self, *, whole: bool | None = None, date: str = "", until: str = "", authority: str = "",
              decision: str = "") -> Iterable[RegisterEntry | RefusedEntry]:
        """The entry, where it names anything, and what was refused; `whole`: by default where no pages are named."""
        yield from self.refused
        covers = not self.urls if whole is None else whole
        hosts = self.hosts if covers else [*self.hosts, *(host for host in self.page_hosts if not is_address(host))]
        if self.hosts or self.masks or self.urls or self.networks:
            yield RegisterEntry(place=self.place, hosts=tuple(dict.fromkeys(hosts)), whole=covers,
                                masks=tuple(self.masks),
                                urls=tuple(self.urls), networks=tuple(self.networks), date=date, until=until,
                                authority=authority, decision=decision)
        elif not self.refused:
            yield RefusedEntry(place=self.place, reason="names nothing")

    def _some(self, texts: Iterable[str]) -> Iterable[str]:
        for number, text in enumerate(texts):
            if number >= MAX_ITEMS:
                self.refused.append(RefusedEntry(place=self.place, reason=f"names more than {MAX_ITEMS} of a kind"))
                return
            if stripped := text.strip():
                yield stripped

    def _refuse(self, what: str, error: ValueError) -> None:
        if len(self.refused) < 3:  # of one entry; a list of forbidden pages is not quoted
            self.refused.append(RefusedEntry(place=self.place, reason=f"{what} in it {_describe_error(error)}"))


def _describe_error(error: ValueError) -> str:
    """Our own words; those of the library quote the list."""
    return text if (text := str(error)).startswith("is ") else "is none"
