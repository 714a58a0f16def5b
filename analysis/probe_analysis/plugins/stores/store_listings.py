"""How the applications of a service stand in the storefront of one country, from the checks of many batches. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from probe.core.stamps import parse_time
from probe_analysis.batches.store_checks import StoreCheck
from probe_analysis.imported.short_texts import shorten
from probe_analysis.plugins.stores.store_changes import Key, follow_series, make_series_key
from probe_analysis.tables.store_states import UNKNOWN

MAX_LISTINGS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreListing:
    """One application in the country's storefront of one store: its latest check."""

    store: str
    app: str
    probe_cc: str
    """Where the asker was."""
    state: str
    """A word of the store checks."""
    reason: str
    checked: datetime
    checks: int
    removed_from: datetime | None
    """A removal that settled: it was seen then; None: none did, or it is back."""
    removed_until: datetime | None


def list_store_listings(checks: Iterable[StoreCheck], service: str, cc: str, *, lab: bool) -> list[StoreListing]:
    """One row for each store, application and country of the asker. Raises ValueError for a check without a time."""
    own: defaultdict[Key, list[StoreCheck]] = defaultdict(list)
    for check in checks:
        if (check.service, check.storefront, check.lab) == (service, cc.lower(), lab):
            own[make_series_key(check)].append(check)
    series, changes = follow_series(check for group in own.values() for check in group)
    removals = {(one.probe_cc, one.store, one.app): one for one in changes}
    made = []
    for key, group in own.items():
        decided = [check for check in group if check.state != UNKNOWN] or group
        latest = max(decided, key=lambda check: (parse_time(check.check_time), check.batch_id))
        change = removals.get((latest.probe_cc, latest.store, latest.app)) if series[key].removed else None
        made.append(StoreListing(
            store=shorten(latest.store), app=shorten(latest.app), probe_cc=latest.probe_cc, state=latest.state,
            reason=latest.reason, checked=parse_time(latest.check_time), checks=len(group),
            removed_from=parse_time(change.before_time) if change else None,
            removed_until=parse_time(change.after_time) if change else None))
    return sorted(made, key=lambda one: (one.store, one.app, one.probe_cc))[:MAX_LISTINGS]
