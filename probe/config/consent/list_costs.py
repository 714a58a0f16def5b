"""What the list in use costs a run, and whom it touches, in words: told beside the consent text, and when a list grows.
Pure."""

from __future__ import annotations

from collections.abc import Iterator

from probe.catalogue.list_reach import ServerKind, count_reach
from probe.catalogue.types import Catalogue
from probe.config.consent.run_costs import MEASURED
from probe.core.translation import say, say_count


def describe_list(catalogue: Catalogue, *, level: int, tier: int) -> Iterator[str]:
    """Two lines. Traffic is that of the measured run, by the number of endpoints."""
    reach, cost = count_reach(catalogue, level=level, tier=tier), MEASURED[level]
    share = reach.endpoints / cost.endpoints
    yield say("This list: {endpoints} endpoints a run at level {level}, with about {run_mb:.1f} MB, {connections} "
              "connections and {questions} DNS questions", endpoints=reach.endpoints, level=level,
              run_mb=share * (cost.sent_kb + cost.received_kb) / 1000, connections=round(share * cost.connections),
              questions=round(share * cost.questions))
    yield say("Whom it touches in all: {hosts}", hosts=", ".join(_say_hosts(kind, n) for kind, n in reach.hosts))


def _say_hosts(kind: ServerKind, n: int) -> str:
    match kind:
        case "web":
            return say_count("{n} web server", "{n} web servers", n)
        case "chat":
            return say_count("{n} server of messengers", "{n} servers of messengers", n)
        case "mail":
            return say_count("{n} mail server", "{n} mail servers", n)
        case "calls":
            return say_count("{n} server of calls", "{n} servers of calls", n)
        case "ports":
            return say_count("{n} other port", "{n} other ports", n)
        case "names":
            return say_count("{n} name alone", "{n} names alone", n)
