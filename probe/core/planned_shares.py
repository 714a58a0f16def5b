"""Shares of planned connections as rows hold them: `k/n`."""

from __future__ import annotations

import re
from functools import lru_cache

MOST_PLANNED = 2000
"""Connections of a share; stored rows may be anybody's, and their intervals and chances cost more with each."""
_SHARE = re.compile(r"([0-9]{1,4})/([0-9]{1,4})")


@lru_cache(maxsize=4096)
def read_share(share: str) -> tuple[int, int]:
    """k and n of `k/n`; none of none where that is not what it says, or more than any run makes."""
    if not (found := _SHARE.fullmatch(share)):
        return 0, 0
    failed, made = int(found[1]), int(found[2])
    return (min(failed, made), made) if made <= MOST_PLANNED else (0, 0)
