"""Days and moments as the numbers that cells hold, and stamps that may be empty. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime

from probe.core.stamps import parse_time

_EPOCH = date(1970, 1, 1).toordinal()


def parse_known_time(text: str | None) -> datetime | None:
    """The same as `parse_time` of a stamp that may be empty."""
    return parse_time(text) if text else None


def find_moment(seconds: int) -> datetime:
    """The time so many seconds after 1970."""
    return datetime.fromtimestamp(seconds, UTC)


def number_day(day: date) -> int:
    """Days since 1970."""
    return day.toordinal() - _EPOCH


def find_day(number: int) -> date:
    """The day of such a number. Raises ValueError beyond the years that there are."""
    return date.fromordinal(number + _EPOCH)
