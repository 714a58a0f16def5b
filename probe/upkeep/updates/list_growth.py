"""What is told when a signed list has grown: what it costs now, and whom it touches."""

from __future__ import annotations

from collections.abc import Iterator

from probe.catalogue.list_reach import ListReach, count_reach
from probe.config.consent.list_costs import describe_list
from probe.config.settings import Settings
from probe.core.translation import say
from probe.upkeep.updates.kept_list import read_kept_list
from probe.upkeep.updates.list_document import ListDocument, ListError, load_listed_catalogue
from probe.upkeep.updates.minisign import PublicKey


def read_last_document(key: PublicKey) -> ListDocument | None:
    """The list that is here, if it is whole."""
    try:
        last = read_kept_list(key)
    except ListError:
        return None
    return last.document if last else None


def describe_growth(before: ListDocument | None, after: ListDocument, settings: Settings) -> Iterator[str]:
    """Lines, where runs take more of it or it touches more hosts of a kind than before; none where it has not grown."""
    now = load_listed_catalogue(after)
    level, tier = settings.run.consent_level, settings.run.tier
    if before and not _has_grown(_reach(before, level, tier), count_reach(now, level=level, tier=tier)):
        return
    if before:
        yield say("The signed list of targets has grown.")
    yield from describe_list(now, level=level, tier=tier)


def _reach(document: ListDocument, level: int, tier: int) -> ListReach:
    try:
        return count_reach(load_listed_catalogue(document), level=level, tier=tier)
    except ListError:  # another version of this program kept it
        return ListReach(endpoints=0, hosts=())


def _has_grown(before: ListReach, after: ListReach) -> bool:
    known = dict(before.hosts)
    return after.endpoints > before.endpoints or any(n > known.get(kind, 0) for kind, n in after.hosts)
