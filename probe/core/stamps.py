"""Times as results write them: RFC 3339 in UTC. Pure."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime


def format_time(moment: datetime) -> str:
    """The form of every `_time` column: to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_exact_time(moment: datetime) -> str:
    """The same, with microseconds where there are any."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def parse_time(text: str) -> datetime:
    """A stamp as UTC; one without a zone is taken for UTC. Raises ValueError for what is no time."""
    time = datetime.fromisoformat(text)
    try:
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is beyond the years that there are") from None


def make_id(moment: datetime) -> str:
    """A new id of a run or batch: sortable, unique, and free of anything about the machine."""
    return f"{moment:%Y%m%dT%H%M%SZ}_{secrets.token_hex(4)}"
