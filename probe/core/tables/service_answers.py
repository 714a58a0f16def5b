"""What is so of a service, and of a part of it, in one word: what terminal, pages, board and programs are told."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, get_args

Answer = Literal["blocked", "suspected", "fails", "partly", "unknown", "not_tested", "works"]
"""blocked: by a verdict. suspected: it fails, and a block is suspected, not shown. fails: it does, whatever the cause.
partly: part of it works. unknown: what tells most of it was not tried, or not reached. not_tested. works: as far as it
was tested. The order is the order of the answer."""
ANSWER_ORDER: tuple[Answer, ...] = get_args(Answer)
TROUBLED: tuple[Answer, ...] = ("blocked", "suspected", "fails", "partly")
"""Services that are told one by one, before all others."""

ANSWERS: Mapping[Answer, str] = MappingProxyType({
    "blocked": "blocked", "suspected": "failing, a block is suspected", "fails": "failing", "partly": "working in part",
    "unknown": "not known", "not_tested": "not tested", "works": "working as far as tested",
})
"""Behind a number of services, and in the key of a board."""
