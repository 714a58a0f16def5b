"""`probe stores`: which applications stand in which storefronts, asked in one paced batch."""

from __future__ import annotations

import json
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from probe.catalogue import packaged
from probe.catalogue.laboratory_marker import read_marker
from probe.catalogue.types import Catalogue, Store
from probe.config.consent.consent_check import explain_refusal
from probe.config.settings import Settings, choose_results_folder
from probe.core.stamps import make_id
from probe.core.visible_text import visible
from probe.store.files.atomic import StoreError, check_writable
from probe.upkeep.commands.command_setup import load_command_setup, parse_at, stop_if_refused
from probe.upkeep.commands.exit_codes import EXIT_LOCKED
from probe.upkeep.commands.progress_bar import show_progress
from probe.upkeep.commands.run_lock import LockedError, hold_run_lock
from probe.upkeep.updates.catalogue_choice import CatalogueChoice
from probe_analysis.tables.store_states import ABSENT, BLOCKED, IN, REASONS, UNKNOWN

if TYPE_CHECKING:
    from probe_analysis.batches.store_checks import Batch, BatchInfo
    from probe_analysis.plugins.stores.store_batch import WantedLookups
    from probe_analysis.plugins.stores.store_judging import BlockedStores

LEAST_PACE_S = 3.0
"""Between two lookups outside the laboratory: the App Store asks for about twenty a minute."""
MOST_LOOKUPS = 400
_COUNTRY = re.compile(r"[A-Za-z]{2}")
_DAY_S = 24 * 3600.0


@click.command()
@click.option("--storefront", "storefronts", multiple=True, required=True, metavar="CC[,CC...]",
              help="Countries whose storefronts are asked for, e.g. ru,cn; repeat.")
@click.option("--store", "names", multiple=True, type=click.Choice(["app_store", "google_play"]),
              help="Ask this store alone; repeat. Default: both.")
@click.option("--service", "services", multiple=True, metavar="NAME", help="Only this service; repeat. Default: all.")
@click.option("--pace-s", type=click.FloatRange(0, 60), default=4.0, show_default=True,
              help="Seconds between two lookups, about; 3 at least.")
@click.option("--most", type=click.IntRange(1, 5000), default=MOST_LOOKUPS, show_default=True,
              help="Lookups that the batch may make.")
@click.option("--results", type=click.Path(path_type=Path), help="Folder for results (default: the configured one).")
@click.option("--catalogue", type=click.Path(dir_okay=False), help="A targets.csv; its version is written into rows.")
@click.option("--config", type=click.Path(dir_okay=False), help="Configuration file.")
@click.option("--at", "at", help="Time to write (RFC 3339); allowed in the laboratory only.")
@click.option("--json", "as_json", is_flag=True, help="Print checks and changes as JSON.")
def stores(storefronts: tuple[str, ...], names: tuple[str, ...], services: tuple[str, ...], pace_s: float, most: int,
           results: Path | None, catalogue: str | None, config: str | None, at: str | None, as_json: bool) -> None:
    """Ask the App Store and Google Play which messengers they offer in which countries, once, and keep the answers.

    Call `probe stores` about once a week, to notice when a messenger disappears from the App Store or Google Play. One
    machine of a project can do this for all volunteers.

    Scheduled runs of the probe do not look for missing messengers. They only test whether the servers of the App Store
    and Google Play can be reached.

    Apple's App Store says for any country whether it offers a messenger there. The answer of Google Play also depends
    on the country from which you ask, so rows of Google Play name this country too.

    A messenger may be missing in a country's store for several reasons: a state ordered it, the operator withdrew the
    messenger, or the messenger was never offered there. `probe stores` says `removed` only if an earlier call found the
    messenger, and three later calls over more than six hours did not.

    \b
    Examples:
      probe stores --storefront ru,cn
      probe stores --storefront ir --store google_play --service signal --service telegram
      probe export --table store_changes
    """
    lab = read_marker().lab
    settings, known = load_command_setup(config, catalogue, lab=lab)
    started_at = parse_at(at, lab=lab) or datetime.now(UTC)
    if pace_s < LEAST_PACE_S and not lab:
        raise click.UsageError(f"--pace-s: {LEAST_PACE_S:g} at least: the stores are not ours to hurry")
    wanted, asked = _choose_lookups(known, settings, names, frozenset(services), storefronts)
    _check_count(asked, wanted, most)
    stop_if_refused(explain_refusal(settings, lab=lab))
    if why := known.standing.limits.pause:
        click.echo(
            f"Nothing is asked: the signed list of targets asks for a pause in this country: {visible(why)}")
        return
    folder = choose_results_folder(settings, results)
    try:
        with hold_run_lock(folder / "store_checks"):
            check_writable(folder)
            batch = _make(folder, asked, wanted, _frame(settings, known.catalogue, started_at, lab=lab), started_at,
                          pace_s=pace_s, most=most, shift=at is not None)
    except StoreError as error:
        raise click.ClickException(visible(str(error))) from error
    except LockedError:
        click.echo(f"Another batch of lookups writes to {folder}; this one does nothing.", err=True)
        sys.exit(EXIT_LOCKED)
    _tell(batch, folder, asked, as_json=as_json)


def _choose_lookups(known: CatalogueChoice, settings: Settings, names: tuple[str, ...], services: frozenset[str],
                    storefronts: tuple[str, ...]) -> tuple[WantedLookups, Mapping[str, Store]]:
    """What to ask, without the services that the person leaves out of runs unless they are named here."""
    from probe_analysis.plugins.stores.store_batch import WantedLookups, list_apps

    catalogue, stopped = known.catalogue, known.standing.limits.stop
    if unknown := services - set(catalogue.services):
        raise click.UsageError(f"no such service: {', '.join(sorted(unknown))}; see `probe targets services`")
    countries = [word.strip() for given in storefronts for word in given.split(",")]
    if wrong := [word for word in countries if not _COUNTRY.fullmatch(word)]:
        raise click.UsageError(f"--storefront {visible(wrong[0][:40])!r}: want codes of two letters, as in ru,cn")
    asked = {name: store for name, store in packaged.load_stores().items() if not names or name in names}
    chosen_ones = (services or frozenset(catalogue.services) - set(settings.run.skip_services)) - stopped
    apps = {store: found for store, found in list_apps(catalogue.services, asked, chosen_ones).items() if found}
    if not apps:
        raise click.UsageError("nothing to ask: the catalogue knows no application of these services in these stores")
    return WantedLookups(apps=apps, storefronts=tuple(dict.fromkeys(word.lower() for word in countries))), asked


def _check_count(asked: Mapping[str, Store], wanted: WantedLookups, most: int) -> None:
    from probe_analysis.plugins.stores.store_batch import count_lookups

    if (needed := count_lookups(asked, wanted)) > most:
        raise click.UsageError(f"that takes {needed} lookups, and a batch makes {most} at most (--most). Name fewer "
                               "storefronts or services, or one store")


def _frame(settings: Settings, catalogue: Catalogue, started_at: datetime, *, lab: bool) -> BatchInfo:
    from probe import __version__
    from probe.core.tables.versions import SCHEMA_VERSION
    from probe_analysis.batches.store_checks import BatchInfo

    return BatchInfo(
        batch_id=make_id(started_at), probe_cc=settings.vantage.cc,
        probe_asn=settings.vantage.asn, lab=lab, catalogue_version=catalogue.version, software_version=__version__,
        schema_version=SCHEMA_VERSION)


def _make(folder: Path, asked: Mapping[str, Store], wanted: WantedLookups, info: BatchInfo, started_at: datetime, *,
          pace_s: float, most: int, shift: bool) -> Batch:
    """Ask, judge by what was stored before, and store."""
    from probe_analysis.batches.batch_files import read_batches, write_batch
    from probe_analysis.batches.store_checks import StoreCheck
    from probe_analysis.plugins.stores.store_batch import BatchMeans, make_batch
    from probe_analysis.plugins.stores.store_changes import follow_series
    from probe_analysis.plugins.stores.store_fetch import fetch_store_page

    history = [check for check in read_batches(folder, StoreCheck) if check.lab is info.lab]
    try:
        follow_series(history)  # rather now than when everything has been asked
    except ValueError as error:
        raise StoreError(f"{folder / 'store_checks'}: a check has no proper time ({error}); restore or remove its "
                         "file") from error
    begin_s = time.monotonic()

    def now() -> datetime:
        return started_at + timedelta(seconds=time.monotonic() - begin_s) if shift else datetime.now(UTC)

    with show_progress("Asking the stores") as progress:
        means = BatchMeans(fetch=fetch_store_page, now=now, sleep=time.sleep, rng=random.Random(), pace_s=pace_s,
                           most=most, progress=progress)
        blocked = _find_blocked_stores(folder, asked, info, started_at)
        batch = make_batch(asked, wanted, info, history, blocked, means)
    write_batch(batch, folder, day=started_at.date())
    return batch


def _find_blocked_stores(folder: Path, asked: Mapping[str, Store], info: BatchInfo,
                         now: datetime) -> dict[str, BlockedStores]:
    """What the latest verdicts of the last day, from this network, say of the stores themselves; blocked only where
    none of a store's targets is ok."""
    from probe.core.runs import Run
    from probe.core.verdicts import Verdict
    from probe.store.runs.run_reader import read_records, stored_runs
    from probe_analysis.plugins.stores.store_judging import BlockedStores

    def near(run: Run) -> bool:
        age_s = (now - datetime.fromisoformat(run.measurement_start_time)).total_seconds()
        vantage = run.vantage
        return 0 <= age_s <= _DAY_S and (vantage.lab, vantage.probe_cc, vantage.probe_asn) == (
            info.lab, info.probe_cc, info.probe_asn)

    latest: dict[str, Verdict] = {}
    wanted = {target: name for name, store in asked.items() for target in store.reachability}
    uids: dict[str, str] = {}
    try:
        runs = [run for run in stored_runs(folder, since=(now - timedelta(days=1)).date()) if near(run)]
        for run in sorted(runs, key=lambda run: run.measurement_start_time):
            for verdict in read_records(folder, run, Verdict):
                if verdict.target_id in wanted:
                    latest[verdict.target_id] = verdict
                    uids[verdict.target_id] = f"{run.run_id}.{verdict.target_id}"
    except (StoreError, ValueError):
        return {}  # without runs, or with damaged ones, nobody says that a store is blocked
    found: dict[str, BlockedStores] = {}
    well = {wanted[target] for target, verdict in latest.items() if verdict.outcome == "ok"}
    for target, name in wanted.items():
        said = latest.get(target)
        if said and said.outcome == "blocked" and name not in well:
            found.setdefault(name, BlockedStores(block_type=said.block_type, evidence=uids[target]))
    return found


def _tell(batch: Batch, folder: Path, asked: Mapping[str, Store], *, as_json: bool) -> None:
    from probe_analysis.plugins.stores.store_roles import judge_store_roles

    if as_json:
        click.echo(json.dumps({
            "batch_id": batch.info.batch_id, "results": str(folder),
            "checks": [asdict(check) for check in batch.checks],
            "changes": [asdict(change) for change in batch.changes],
            "roles": [asdict(role) for role in judge_store_roles(batch.checks)]}))
        return
    for line in _lines(batch, asked):
        click.echo(line)
    click.echo(f"Results: {folder} (batch {batch.info.batch_id}); probe export --table store_checks")


def _lines(batch: Batch, asked: Mapping[str, Store]) -> Iterator[str]:
    from probe_analysis.plugins.stores.store_roles import judge_store_roles

    groups = dict.fromkeys((check.store, check.storefront) for check in batch.checks)
    for store, storefront in groups:
        rows = [c for c in batch.checks if (c.store, c.storefront) == (store, storefront)]
        counts = Counter(row.state for row in rows)
        seen_from = f", as seen from {batch.info.probe_cc}" if asked[store].by_place else ""
        states = ", ".join(f"{counts[state]} {state}" for state in (IN, ABSENT, BLOCKED, UNKNOWN) if counts[state])
        yield f"{asked[store].title}, {storefront.upper()}{seen_from}: {states}"
        for row in rows:
            if row.state == ABSENT:
                yield f"  {row.service:<20} {row.app:<36} not there; {_explain_cause(row.block_type)}"
        for reason, number in Counter(row.reason for row in rows if row.state == UNKNOWN).items():
            yield f"  {number} unknown ({reason}): {REASONS[reason][0]}"
        for row in [row for row in rows if row.state == BLOCKED][:1]:
            yield f"  the store itself is blocked ({row.block_type}), says {row.evidence}"
    for role in judge_store_roles(batch.checks):
        if role.not_to_be_had:
            how = "in part not to be had" if role.partial else role.outcome
            yield (f"{role.service} store, {role.storefront.upper()}: {how} ({', '.join(role.block_types)}): "
                   f"{', '.join(role.not_to_be_had)}")
    for change in batch.changes:
        yield (f"{change.change}: {change.service} ({change.app}), {asked[change.store].title}, "
               f"{change.storefront.upper()}, between {change.before_time} and {change.after_time}")


def _explain_cause(block_type: str) -> str:
    return {
        "server.delisted": "removed: three checks agree",
        "inconclusive.unconfirmed": "it was before: a removal, if further batches agree, six hours and more apart",
    }.get(block_type, "whether it ever was is not known")
