"""Which catalogue a run uses, and what it keeps to: the person's own file, the last good list, or the packaged one."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

from probe.catalogue.load import FILE_NAME, load
from probe.catalogue.types import Catalogue
from probe.config.folders import own_state
from probe.config.settings import Settings
from probe.operation.updates.kept_list import LIST, SignedList, configured_key, read_kept, read_looks
from probe.operation.updates.list_document import ListError, catalogue_in
from probe.operation.updates.list_limits import MAX_AGE_DAYS, NONE, Limits, limits_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How it stands with signed lists here. Without any, all is as if there were no such thing."""

    wanted: bool = False
    """The configuration names a key or a source."""
    listed: SignedList | None = None
    source: str = ""
    """Where it came from."""
    age_days: int = 0
    trouble: str = ""
    """Why the list cannot be used, or has to be taken for old; empty when all is well."""
    limits: Limits = NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a run measures, and what it keeps to."""

    catalogue: Catalogue
    standing: Standing


def standing(settings: Settings, *, now: datetime.datetime, lab: bool = False, folder: Path | None = None) -> Standing:
    """What the settings and the state folder say. Raises ListError for a configured key that is none.

    In the laboratory only a list that the settings name counts: its runs are no matter of where the machine stands.
    """
    key = configured_key(settings)
    wanted = bool(key or settings.update.url)
    if not wanted and (lab or not ((folder or own_state()) / LIST).exists()):
        return Standing()
    try:
        listed = read_kept(key, folder)
    except ListError as error:
        return _without(settings, str(error))
    if listed is None:
        return _without(settings, "no list has come yet")
    age_days = (now.date() - listed.document.date).days
    old = age_days > MAX_AGE_DAYS
    return Standing(
        wanted=True, listed=listed, source=read_looks(folder).source, age_days=age_days,
        trouble=f"the {listed.document.name} is {age_days} days old" if old else "",
        limits=limits_for(listed.document.policy, settings.vantage.cc, old=old),
    )


def choose(settings: Settings, named: str | None, *, now: datetime.datetime, lab: bool = False,
           folder: Path | None = None) -> Choice:
    """The catalogue of `named`, else of `run.catalogue`, else ./targets.csv, else the last good list, else the packaged
    one; what the list asks of runs holds for each of them.

    Raises CatalogueError, or ListError for a configured key that is none.
    """
    here = standing(settings, now=now, lab=lab, folder=folder)
    path = named or settings.run.catalogue or None
    if path is None and here.listed and not Path(FILE_NAME).is_file():
        try:
            return Choice(catalogue=catalogue_in(here.listed.document), standing=here)
        except ListError as error:  # another version of this program kept it
            here = _without(settings, str(error), here)
    return Choice(catalogue=load(path), standing=here)


def _without(settings: Settings, why: str, before: Standing | None = None) -> Standing:
    """Where a list should be and is none to use, no more is measured than by an old one."""
    policy = before.listed.document.policy if before and before.listed else {}
    return Standing(wanted=True, trouble=why, limits=limits_for(policy, settings.vantage.cc, old=True))
