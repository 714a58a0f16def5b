"""What the answers of one batch say of each application in each storefront. Pure.

An application is absent only where the store shows one of its own there, in the same answer or, of stores that are
asked for one at a time, in the same batch, and shows this one in another storefront of the batch. The store is blocked
only where it answered nothing and an ordinary run of the last day says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from probe.catalogue.types import Store
from probe_analysis.plugins.stores.store_answers import StoreAnswer
from probe_analysis.tables.store_states import ABSENT, BLOCKED, IN, NO_ANSWER, NO_CONTROL, NOT_ASKED, NOWHERE, UNKNOWN

SAID_NOTHING = StoreAnswer()


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupAnswer:
    """One lookup and what came of it."""

    store: str
    storefront: str
    asked: tuple[str, ...]
    """Ids, controls among them."""
    said: StoreAnswer = SAID_NOTHING
    failure: str = ""
    """How it failed on the way; empty where an answer came."""
    status: int = 0
    time: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockedStores:
    """What ordinary runs said of a store within the last day; empty where they did not find it blocked."""

    block_type: str = ""
    evidence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedApp:
    """The state of one application in one storefront, and what it rests on."""

    state: str
    reason: str = ""
    controls_present: int = 0
    elsewhere: tuple[str, ...] = ()
    answer: LookupAnswer | None = None


def judge_apps(store: Store, apps: Iterable[str], storefronts: Iterable[str], answers: Sequence[LookupAnswer],
               blocked: BlockedStores) -> Mapping[tuple[str, str], JudgedApp]:
    """(application, storefront) -> state, for one store and all of a batch's answers about it."""
    silent = bool(answers) and all(answer.failure for answer in answers)
    where: dict[str, set[str]] = {}
    by_app: dict[tuple[str, str], LookupAnswer] = {}
    for answer in answers:
        for app in answer.asked:
            by_app.setdefault((app, answer.storefront), answer)
        for app in answer.said.present:
            where.setdefault(app, set()).add(answer.storefront)
    made = {}
    for storefront in storefronts:
        shown = _controls_shown(store, storefront, answers)
        for app in apps:
            found = by_app.get((app, storefront))
            controls = len(found.said.present & set(store.controls)) if found and store.together > 1 else shown
            elsewhere = tuple(sorted(where.get(app, set()) - {storefront}))
            state, reason = _state(app, found, controls, bool(elsewhere))
            if silent and blocked.block_type and reason in (NO_ANSWER, NOT_ASKED):
                state, reason = BLOCKED, ""
            made[app, storefront] = JudgedApp(
                state=state, reason=reason, controls_present=controls, elsewhere=elsewhere, answer=found)
    return made


def find_absent_everywhere(judged: Mapping[tuple[str, str], JudgedApp]) -> tuple[str, ...]:
    """Applications that are absent, and shown in no storefront that was asked: others have to be."""
    return tuple(sorted({app for (app, _), found in judged.items() if found.reason == NOWHERE}))


def _controls_shown(store: Store, storefront: str, answers: Iterable[LookupAnswer]) -> int:
    controls = set(store.controls)
    return len({app for answer in answers if answer.storefront == storefront for app in answer.said.present & controls})


def _state(app: str, found: LookupAnswer | None, controls: int, elsewhere: bool) -> tuple[str, str]:
    if found is None:
        return UNKNOWN, NOT_ASKED
    if found.failure:
        return UNKNOWN, NO_ANSWER
    if found.said.word:
        return UNKNOWN, found.said.word
    if app in found.said.present:
        return IN, ""
    if not controls:
        return UNKNOWN, NO_CONTROL
    return (ABSENT, "") if elsewhere else (UNKNOWN, NOWHERE)
