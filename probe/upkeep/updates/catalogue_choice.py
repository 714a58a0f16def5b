"""Which catalogue a run uses, and what it keeps to: the person's own file, the last good list, or the packaged one."""

from __future__ import annotations

import contextlib
import datetime
from dataclasses import dataclass
from pathlib import Path

from probe.catalogue.load import FILE_NAME, load_catalogue
from probe.catalogue.types import Catalogue
from probe.config.folders import find_own_state
from probe.config.month_key import read_month_key
from probe.config.settings import Settings
from probe.core.counted_words import count_things
from probe.upkeep.updates.kept_list import LIST, SignedList, read_configured_key, read_kept_list, read_looks
from probe.upkeep.updates.key_trust import describe_expiry
from probe.upkeep.updates.list_document import (
    ListDocument,
    ListError,
    load_listed_catalogue,
    load_staged_catalogue,
)
from probe.upkeep.updates.list_limits import MAX_AGE_DAYS, NO_LIMITS, ListLimits, choose_limits
from probe.upkeep.updates.stage_draw import is_drawn


@dataclass(frozen=True, slots=True, kw_only=True)
class ListState:
    """How it stands with signed lists here. Without any, all is as if there were no such thing."""

    wanted: bool = False
    """The configuration names a key or a source."""
    listed: SignedList | None = None
    source: str = ""
    """Where it came from."""
    age_days: int = 0
    trouble: str = ""
    """Why the list cannot be used, or has to be taken for old; empty when all is well."""
    limits: ListLimits = NO_LIMITS


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueChoice:
    """What a run measures, and what it keeps to."""

    catalogue: Catalogue
    standing: ListState


def read_list_state(settings: Settings, *, now: datetime.datetime, lab: bool = False,
                    folder: Path | None = None) -> ListState:
    """What the settings and the state folder say. Raises ListError for a configured key that is none.

    In the laboratory only a list that the settings name counts: its runs are no matter of where the machine stands.
    """
    key = read_configured_key(settings)
    wanted = bool(key or settings.update.url)
    if not wanted and (lab or not ((folder or find_own_state()) / LIST).exists()):
        return ListState()
    try:
        listed = read_kept_list(key, folder)
    except ListError as error:
        return _without(settings, str(error))
    if listed is None:
        return _without(settings, "no list has come yet")
    age_days = (now.date() - listed.document.date).days
    expired = listed.trust.has_expired(now.date())
    old = age_days > MAX_AGE_DAYS or expired
    aged = f"the {listed.document.name} is {count_things(age_days, 'day')} old" if old else ""
    return ListState(
        wanted=True, listed=listed, source=read_looks(folder).source, age_days=age_days,
        trouble=f"the {listed.document.name}: {describe_expiry(listed.trust)}" if expired else aged,
        limits=choose_limits(listed.document.policy, settings.vantage.cc, old=old),
    )


def choose_catalogue(settings: Settings, named: str | None, *, now: datetime.datetime, lab: bool = False,
                     folder: Path | None = None) -> CatalogueChoice:
    """The catalogue of `named`, else of `run.catalogue`, else ./targets.csv, else the last good list, else the packaged
    one; what the list asks of runs holds for each of them.

    Raises CatalogueError, or ListError for a configured key that is none.
    """
    here = read_list_state(settings, now=now, lab=lab, folder=folder)
    path = named or settings.run.catalogue or None
    if path is None and here.listed and not Path(FILE_NAME).is_file():
        try:
            return CatalogueChoice(catalogue=_load(here.listed.document, now, folder), standing=here)
        except ListError as error:  # another version of this program kept it
            here = _without(settings, str(error), here)
    return CatalogueChoice(catalogue=load_catalogue(path), standing=here)


def _load(document: ListDocument, now: datetime.datetime, folder: Path | None) -> Catalogue:
    """The staged targets where this probe was drawn for them and can use them, else the others. Raises ListError."""
    if document.stage and (key := read_month_key(f"{now:%Y-%m}", folder=folder)) and (
            is_drawn(document.stage, key.name)):
        with contextlib.suppress(ListError):
            return load_staged_catalogue(document)
    return load_listed_catalogue(document)


def _without(settings: Settings, why: str, before: ListState | None = None) -> ListState:
    """Where a list should be and is none to use, no more is measured than by an old one."""
    policy = before.listed.document.policy if before and before.listed else {}
    return ListState(wanted=True, trouble=why, limits=choose_limits(policy, settings.vantage.cc, old=True))
