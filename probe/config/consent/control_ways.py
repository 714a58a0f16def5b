"""The ways to a control: what each tells to whom, and how it is set up; and feeds that come with the package. Pure but
for reading that file."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from probe.config.consent.country_profiles import needs_care
from probe.config.consent.public_controls import GLOBALPING_ID, OONI_ID, list_public_controls
from probe.config.settings import FeedSettings, HelperSettings, Settings, SettingsError
from probe.core.tables.control_remedies import FIRST_CONTROL
from probe.core.translation import say

WayWord = Literal["feed", "helper", "globalping", "ooni"]
_FILE = Path(__file__).with_name("default_feeds.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlWay:
    """One way."""

    title: str
    tells: str
    """What it tells to whom."""
    exposes: bool = False
    """It shows the address here together with what fails to somebody whom nobody here knows."""


WAYS: Mapping[WayWord, ControlWay] = MappingProxyType({
    "feed": ControlWay(
        title="a signed feed: what works elsewhere, by somebody abroad, by a public network's probes, or by volunteers "
              "in other countries",
        tells="its server sees your address and how often you measure; not what you measure, and not what fails"),
    "helper": ControlWay(
        title="a helper of your own or of people whom you trust",
        tells="whoever runs it sees your address and the names that failed"),
    "globalping": ControlWay(
        title="Globalping, asked by this device",
        tells="it sees your address together with what fails here, and may keep it for months",
        exposes=True),
    "ooni": ControlWay(
        title="OONI's public helpers, asked by this device",
        tells="they see your address together with what fails here, and may keep it",
        exposes=True),
})
"""The way that tells least comes first."""


class _DefaultFeeds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    feed: tuple[FeedSettings, ...] = ()


@functools.cache
def load_default_feeds() -> tuple[FeedSettings, ...]:
    """The feeds that come with the package. Raises when the packaged file is damaged."""
    return msgspec.convert(tomllib.loads(_FILE.read_text(encoding="utf-8")), _DefaultFeeds).feed


def list_ways_in_use(settings: Settings) -> tuple[WayWord, ...]:
    """Those that the configuration names, and runs ask."""
    public = {control.id for control in list_public_controls(settings)}
    used: Mapping[WayWord, bool] = {"feed": bool(settings.feed), "helper": bool(settings.helper),
                                    "globalping": GLOBALPING_ID in public, "ooni": OONI_ID in public}
    return tuple(word for word in WAYS if used[word])


def describe_ways(cc: str) -> Iterator[str]:
    """All of them for a person, with what each tells to whom; those that are refused in a country say so."""
    for word, way in WAYS.items():
        yield f"  {word:<11} {say(way.title)}"
        yield f"{'':14}{say(way.tells)}"
        if way.exposes and needs_care(cc):
            yield f"{'':14}" + say("not from {cc}: there this could harm you", cc=cc)


def add_controls(settings: Settings, *, feeds: tuple[FeedSettings, ...] = (), helpers: tuple[str, ...] = (),
                 globalping: bool | None = None, ooni_helpers: bool | None = None) -> Settings:
    """The settings with these besides those that are there; None: as it was. Raises SettingsError for one that cannot
    be, and for one that would expose people in the settings' country, where it needs care."""
    cc = settings.vantage.cc
    if (globalping or ooni_helpers) and needs_care(cc):
        raise SettingsError(say(
            "Public networks are not asked from {cc}: they would see your address together with what fails, and the "
            "profile of this country asks for care. A feed tells nobody: {command}", cc=cc, command=FIRST_CONTROL))
    public = settings.public_controls
    if globalping is not None:
        public = msgspec.structs.replace(public, globalping=globalping)
    if ooni_helpers is not None:
        public = msgspec.structs.replace(public, ooni_helpers=ooni_helpers)
    known_feeds, known_helpers = {feed.urls[0] for feed in settings.feed}, {one.url for one in settings.helper}
    return msgspec.structs.replace(
        settings, public_controls=public,
        feed=(*settings.feed, *(feed for feed in dict.fromkeys(feeds) if feed.urls[0] not in known_feeds)),
        helper=(*settings.helper, *(_make_helper(url) for url in dict.fromkeys(helpers) if url not in known_helpers)))


def _make_helper(url: str) -> HelperSettings:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        host = ""
    if not host or parts.scheme != "https" or parts.username is not None:
        raise SettingsError(say("a helper is named by its https:// URL, without a login in it"))
    return HelperSettings(id=host, url=url)
