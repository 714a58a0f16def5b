"""What may follow an alias in `match`, as in `@t.routes`, and where it means something."""

from __future__ import annotations

import re
from collections.abc import Iterable

from probe_lab.box.trigger_table import ADDRESS_TRIGGERS
from probe_lab.format.toml_table import Table

FIRST, OWNER, ROUTES = "first", "owner", "routes"
"""`@t.first`: of each host that was drawn the first address alone; `@t.owner`: all of its operator's; `@t.routes`: the
smallest networks that routers have a way to, which hold its addresses."""
PARTS = (FIRST, OWNER, ROUTES)
WITH_NETWORKS = ("blackhole", "mtu")
"""Faults whose match may list networks."""
ADDRESS_PARAMETERS = ("at", "not_at")
"""Parameters of rules whose references stand for addresses, as in a match by address."""
_OF_THE_LINE = frozenset(("routers_silent", "ipv6_dropped", "slow_line", "nat_limit", "quota", "nat64",
                          "address_changes"))
"""Faults that have no match."""
_PART = re.compile(r"@([a-z][a-z0-9_]*)\.([a-z0-9_]+)")


def drop_part(text: str) -> str:
    """`@t` for `@t.routes`; any other text as it is."""
    found = _PART.fullmatch(text)
    return f"@{found[1]}" if found and found[2] in PARTS else text


def check_parts(table: Table, match: Iterable[str], *, aliases: frozenset[str], trigger: str, kind: str) -> None:
    """Raise ScenarioError for a part that is none, or that nothing could be compared with.

    `trigger` is that of a rule, empty for a fault; `kind` is the fault's.
    """
    for text in match:
        found = _PART.fullmatch(text)
        if found is None or found[1] not in aliases:
            continue
        part = found[2]
        if part not in PARTS:
            raise table.error("match", f"{text}: want one of {', '.join(f'@{found[1]}.{each}' for each in PARTS)}")
        if trigger and part != OWNER and trigger not in ADDRESS_TRIGGERS:
            raise table.error("match", f"{text} stands for addresses, which the trigger {trigger} does not look at")
        if not trigger and part == ROUTES and kind not in WITH_NETWORKS:
            raise table.error("match", f"{text} stands for networks, which {kind} does not know; "
                                       f"{' and '.join(WITH_NETWORKS)} do, and so do rules by address")


def check_fault_match(table: Table, kind: str, match: tuple[str, ...], *, params: Iterable[str]) -> None:
    """Raise ScenarioError for a match that a fault would not heed."""
    if match and kind == "blackhole" and "hop" not in params:
        raise table.error("match", "a blackhole on the client's own line swallows everything: a match wants hop")
    if match and kind in _OF_THE_LINE:
        raise table.error("match", f"{kind} concerns the whole line, whomever packets are for")
