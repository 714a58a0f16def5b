"""How much each of those who upload has sent, today and in all, and how much each may.

What was taken is counted from the disk at the start and each day anew, so nothing has to be kept, and nothing can get
lost. What is under way counts from its first byte.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from probe.upkeep.upload.inbox_protocol import RefusedWord

VARIANT = "+"
"""In the name of a folder, between who sent it and a digest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareLimits:
    """What one volunteer may send."""

    bytes_per_day: int = 200_000_000
    files_per_day: int = 1000
    """A month of hourly runs that waited."""
    bytes: int = 5_000_000_000
    files: int = 50_000
    """Five years of hourly runs."""


@dataclass(slots=True, kw_only=True)
class _Used:
    bytes_today: int = 0
    files_today: int = 0
    bytes: int = 0
    files: int = 0

    def add(self, size: int, files: int, *, today: bool) -> None:
        self.bytes += size
        self.files += files
        if today:
            self.bytes_today += size
            self.files_today += files


@dataclass(slots=True, kw_only=True)
class Shares:
    """Of all who send. Used by one thread."""

    inbox: Path
    limits: ShareLimits
    get_day: Callable[[], date] = lambda: datetime.now(UTC).date()
    _day: date = date.min
    _used: dict[str, _Used] = field(default_factory=dict)
    _under_way: dict[str, _Used] = field(default_factory=dict)

    def take(self, account: str, size: int, *, shares: int) -> RefusedWord | None:
        """Sets room aside for a file; why not, where there is none."""
        self._turn()
        used, under_way = self._used.setdefault(account, _Used()), self._under_way.setdefault(account, _Used())
        most = self.limits
        if (used.bytes_today + under_way.bytes + size > most.bytes_per_day * shares
                or used.files_today + under_way.files + 1 > most.files_per_day * shares):
            return "day"
        if (used.bytes + under_way.bytes + size > most.bytes * shares
                or used.files + under_way.files + 1 > most.files * shares):
            return "all"
        under_way.add(size, 1, today=False)
        return None

    def settle(self, account: str, size: int, *, is_stored: bool) -> None:
        """Ends what `take` began."""
        self._under_way[account].add(-size, -1, today=False)
        if is_stored:
            self._used[account].add(size, 1, today=True)

    def _turn(self) -> None:
        if (day := self.get_day()) == self._day:
            return
        self._day, self._used = day, {}
        begins = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
        for folder, _, names in os.walk(self.inbox, followlinks=False):
            parts = Path(folder).relative_to(self.inbox).parts
            if not parts:
                continue
            used = self._used.setdefault(parts[0].partition(VARIANT)[0], _Used())
            for name in names:
                with suppress(OSError):
                    found = os.lstat(os.path.join(folder, name))
                    used.add(found.st_size, 1, today=found.st_mtime >= begins)
