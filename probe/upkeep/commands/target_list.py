"""What a run makes of signed lists: looks for a new one when it is time, keeps to what it asks, and says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import click
import msgspec

from probe.catalogue.laboratory_marker import read_marker
from probe.catalogue.types import Catalogue
from probe.config.consent.list_costs import describe_list
from probe.config.folders import find_own_state
from probe.config.settings import Settings
from probe.core.endpoints import Endpoint
from probe.core.visible_text import visible
from probe.session.planning.rotation import CORE, RotationTurn
from probe.session.run_plan import RunPlan
from probe.store.files.atomic import StoreError
from probe.upkeep.commands.run_lock import LockedError, hold_run_lock
from probe.upkeep.updates.catalogue_choice import CatalogueChoice, choose_catalogue
from probe.upkeep.updates.list_document import ListError, UnusableTargetsError
from probe.upkeep.updates.list_limits import ListLimits

ALL_TIERS = 3
_DOES = "To do: probe update"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListBounds:
    """Settings and plan of a run as far as the list lets them be, and what to say of it."""

    catalogue: Catalogue
    settings: Settings
    plan: RunPlan
    notes: tuple[str, ...]


def choose_run_catalogue(settings: Settings, named: str | None, now: datetime, *, lab: bool = False) -> CatalogueChoice:
    """The catalogue, with what stands in the signed list. Raises CatalogueError, and ClickException for a bad key."""
    try:
        return choose_catalogue(settings, named, now=now, lab=lab)
    except ListError as error:
        does = "Put it right there, or take the table [update] out"
        raise click.ClickException(f"{visible(str(error))}\n{does}") from None


def describe_list_now(settings: Settings, level: int) -> Iterator[str]:
    """What the list that runs would use now costs at a consent level, and whom it touches. Raises as above."""
    choice = choose_run_catalogue(settings, None, datetime.now(UTC), lab=read_marker().lab)
    yield from describe_list(choice.catalogue, level=level, tier=settings.run.tier)


def refresh_list(settings: Settings, now: datetime) -> bool:
    """Look for a new list when a day has passed; whether there may be another one now. It never fails a run."""
    if not settings.update.url:
        return False
    from probe.upkeep.updates.list_growth import describe_growth, read_last_document
    from probe.upkeep.updates.list_refresh import TIMED_S, choose_key, is_list_due, refresh_list

    if not is_list_due(settings, now=now):
        return False
    try:
        with hold_run_lock(find_own_state()):
            key = choose_key(settings, None)
            before = read_last_document(key)
            after = refresh_list(settings.update.url, key, now=now, timeout_s=TIMED_S).document
        for line in describe_growth(before, after, settings):
            click.echo(line, err=True)
    except LockedError:
        return False  # somebody else looks
    except UnusableTargetsError:
        return True  # what it asks holds; the run says why it measures the core alone
    except (ListError, StoreError) as error:
        click.echo(f"There is no new list of targets: {visible(str(error))}. {_DOES}", err=True)
        return False
    return True


def apply_list_bounds(choice: CatalogueChoice, settings: Settings, plan: RunPlan, *,
                      fast_deadline_s: float) -> ListBounds:
    """What the list asks, put on a run. It makes no run less careful than the settings do."""
    limits, notes = choice.standing.limits, []
    run = settings.run
    level, tier = min(run.consent_level, limits.max_level), min(plan.tier, limits.max_tier)
    paced = plan.fast and limits.pace_s > 0
    if trouble := choice.standing.trouble:
        notes.append(
            f"Of signed lists of targets: {visible(trouble)}. Until a good one is here only the core is "
                     f"measured, at level 1. {_DOES}")
    elif (level, tier) != (run.consent_level, plan.tier) or paced or (plan.turn and limits.max_tier < ALL_TIERS) or (
            limits.stop):
        notes.append(f"The signed list asks for this in {settings.vantage.cc}: {visible(limits.words)}.")
    if paced:
        notes.append("So this run is not --fast.")
    slower = plan.deadline_s == fast_deadline_s and paced
    return ListBounds(
        catalogue=_within(choice.catalogue, limits),
        settings=msgspec.structs.replace(settings, run=msgspec.structs.replace(
            run, consent_level=level, pace_s=max(run.pace_s, limits.pace_s))),
        plan=replace(plan, tier=tier, turn=_turn(plan.turn, limits.max_tier), fast=plan.fast and not paced,
                     least_pace_s=limits.pace_s, deadline_s=run.deadline_s if slower else plan.deadline_s),
        notes=tuple(notes),
    )


def _turn(turn: RotationTurn | None, max_tier: int) -> RotationTurn | None:
    """The turn, of the core alone where no more may be measured."""
    return turn.of_core() if turn and max_tier <= CORE else turn


def _within(catalogue: Catalogue, limits: ListLimits) -> Catalogue:
    """The catalogue without what is beyond, whose turn would come otherwise; controls stay, or nothing is judged."""
    if limits.max_tier >= ALL_TIERS and not limits.stop:
        return catalogue
    return replace(catalogue, endpoints=tuple(e for e in catalogue.endpoints if not _is_beyond(e, limits)))


def _is_beyond(endpoint: Endpoint, limits: ListLimits) -> bool:
    return endpoint.service in limits.stop or (endpoint.tier > limits.max_tier and endpoint.role != "control")


def find_beyond_list(choice: CatalogueChoice, endpoints: frozenset[str]) -> tuple[str, ...]:
    """Endpoints that a person names and the list does not let be measured."""
    limits = choice.standing.limits

    def is_beyond(endpoint: Endpoint) -> bool:
        return endpoint.input in endpoints and (endpoint.tier > limits.max_tier or endpoint.service in limits.stop)

    return tuple(e.input for e in choice.catalogue.endpoints if is_beyond(e))
