"""Whether Globalping allowed that a feed for others is made of it."""

from __future__ import annotations

from datetime import date

from probe.config.settings import Settings


def explain_lacking_leave(settings: Settings, *, today: date) -> str:
    """Why no feed may be made of Globalping, as a sentence; empty where its leave stands in the configuration."""
    leave = settings.public_controls.globalping_leave
    try:
        given = date.fromisoformat(leave) if leave else None
    except ValueError:
        return f"public_controls.globalping_leave: {leave[:40]!r} is no date such as 2026-11-30"
    if given is None:
        return ("A feed for others needs Globalping's written leave; its date belongs into the configuration as "
                "public_controls.globalping_leave (see docs/feed.md)")
    if given > today:
        return f"public_controls.globalping_leave: {given} is in the future"
    return ""
