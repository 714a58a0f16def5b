"""Public networks that a run may ask about what failed, as far as somebody agreed to it and it may be. Pure."""

from __future__ import annotations

from probe.config.consent.country_profiles import needs_care
from probe.config.settings import HelperSettings, Settings

GLOBALPING_URL = "https://api.globalping.io"
GLOBALPING_ID = "globalping"
OONI_URLS = ("https://5.th.ooni.org/", "https://6.th.ooni.org/")
"""OONI's list of helpers for web connectivity (`/api/v1/test-helpers`), as it was in 2026."""
OONI_ID = "ooni"
MAX_OONI = 4


def list_public_controls(settings: Settings) -> tuple[HelperSettings, ...]:
    """Those that a run asks: none where the country's profile asks for care, since they see the address here together
    with what fails, and may keep it."""
    return () if needs_care(settings.vantage.cc) else _list_wanted(settings)


def list_public_destinations(settings: Settings) -> tuple[str, ...]:
    """Every URL that may be asked, which a consent must name."""
    ids = {control.id for control in list_public_controls(settings)}
    globalping = (find_globalping_url(settings),) if GLOBALPING_ID in ids else ()
    return (*globalping, *(list_ooni_urls(settings) if OONI_ID in ids else ()))


def explain_public_refusal(settings: Settings) -> str:
    """Why those that are switched on are not asked, as a sentence; empty where they are, or where none is."""
    if not _list_wanted(settings) or list_public_controls(settings):
        return ""
    return (f"Public networks are not asked from {settings.vantage.cc}: they would see the address here together with "
            "what fails, and the profile of this country asks for care. A signed feed tells them nothing.")


def find_globalping_url(settings: Settings) -> str:
    """The server that is asked as Globalping."""
    return settings.public_controls.globalping_url or GLOBALPING_URL


def list_ooni_urls(settings: Settings) -> tuple[str, ...]:
    """OONI's helpers, of which one is asked at a time: all of them are one control."""
    return (settings.public_controls.ooni_helper_addresses or OONI_URLS)[:MAX_OONI]


def _list_wanted(settings: Settings) -> tuple[HelperSettings, ...]:
    wanted, found = settings.public_controls, list[HelperSettings]()
    if wanted.globalping:
        found.append(HelperSettings(id=GLOBALPING_ID, url=find_globalping_url(settings)))
    if wanted.ooni_helpers:
        found.append(HelperSettings(id=OONI_ID, url=list_ooni_urls(settings)[0]))
    return tuple(found)
