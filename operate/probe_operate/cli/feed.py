"""`probe feed`: measure at an uncensored place, and publish what was seen as a signed control feed."""

from __future__ import annotations

import signal
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from probe.catalogue.laboratory_marker import read_marker
from probe.config.consent.consent_check import explain_refusal
from probe.config.settings import Settings, SettingsError, load_settings
from probe.core.visible_text import visible
from probe.store.files.atomic import StoreError, make_folder
from probe.upkeep.commands.command_setup import stop_if_refused
from probe.upkeep.commands.exit_codes import EXIT_LOCKED
from probe.upkeep.commands.output_option import output_option
from probe.upkeep.commands.run_lock import LockedError, hold_run_lock
from probe_operate.feeds.feed_publishing import Learn, PublishOrder, learn_by_run, publish_feed
from probe_operate.feeds.globalping_publishing import DEFAULT_TESTS, GlobalpingLearner, check_may_be_made

if TYPE_CHECKING:
    from probe.catalogue.types import Catalogue

FAST_DEADLINE_S = 120.0


@click.command()
@click.option("--new-key", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Make a key pair, FILE and FILE.pub, and do nothing else.")
@click.option("--key", "key_file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Secret key to sign with (of --new-key, or minisign -G -W).")
@click.option("--name", help="Name of this vantage, such as de-1; it stands in the results of whoever uses the feed.")
@output_option("folder", "Folder for NAME.json and NAME.json.minisig, as a web server serves it.", metavar="DIR")
@click.option("--upload", is_flag=True, help="Also send both to upload.to of the configuration, below feeds/.")
@click.option("--every", type=click.IntRange(10, 360), metavar="MINUTES",
              help="Go on until stopped, so many minutes from start to start.")
@click.option("--tier", type=click.IntRange(0, 3), default=3, show_default=True, help="Endpoints up to this tier.")
@click.option("--small", is_flag=True, help="Also measure small servers that volunteers run; use this once a day at "
                                            "most.")
@click.option("--fast", is_flag=True, help="No pacing: a burst of a minute or two.")
@click.option("--deadline-s", type=click.FloatRange(5, 7200),
              help="End of a run (default: 120 with --fast, else run.deadline_s of the configuration, 900).")
@click.option("--catalogue", type=click.Path(dir_okay=False), help="A targets.csv.")
@click.option("--config", type=click.Path(dir_okay=False), help="Configuration file; [vantage] cc and asn say where "
              "this is.")
@click.option("--with", "network", type=click.Choice(["globalping"]),
              help="Let a public network's probes measure, not this machine: needs its written leave and a token.")
@click.option("--ask", "asked", type=click.Path(exists=True, file_okay=False, path_type=Path), multiple=True,
              metavar="RESULTS", help="With --with: look first at what failed in these results; repeat.")
@click.option("--tests", type=click.IntRange(10, 100_000), default=DEFAULT_TESTS, show_default=True,
              help="With --with: so many tests a round at most; a test is one probe's look.")
@click.option("--from", "collected", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR",
              help="Measure nothing: publish what volunteers in many countries measured in the last hour (a folder of "
                   "probe collect).")
@click.option("--force", is_flag=True, help="Publish even if most endpoints that answered before no longer answer.")
@click.option("--json", "as_json", is_flag=True, help="Print each feed's report as one line of JSON.")
def feed(new_key: Path | None, key_file: Path | None, name: str | None, out: Path | None, upload: bool,
         every: int | None, tier: int, small: bool, fast: bool, deadline_s: float | None, catalogue: str | None,
         config: str | None, network: str | None, asked: tuple[Path, ...], tests: int, collected: Path | None,
         force: bool, as_json: bool) -> None:
    """Measure the catalogue at an uncensored place, and publish it as a signed control feed.

    Probes elsewhere read the feed before their runs, and learn from it which endpoints answer on this machine's
    network. `probe feed` compares the new feed with the last one, and prints what changed.

    If this machine's network has a fault, or itself interferes with services, the command publishes nothing. It needs
    your consent, as runs do: call `probe setup` first.

    With --from, `probe feed` measures nothing, and makes the feed from volunteers' results. The feed then contains only
    what at least five volunteers in at least three countries found. All of these volunteers must have measured on
    earlier days too. The feed's numbers are rounded, and it names no network.

    \b
    Examples:
      probe feed --new-key ~/feed.key
      probe feed --key ~/feed.key --name de-1 -o /var/www/feed
      probe feed --key ~/feed.key --name de-1 -o /var/www/feed --every 30
      probe feed --key ~/feed.key --name world-1 -o /var/www/feed --with globalping --ask collected
      probe feed --from collected --key ~/feed.key --name crowd -o /var/www/feed
    """
    try:
        if new_key is not None:
            _make_key(new_key)
            return
        learn = _choose_way(network, asked, tests, collected, by_run=not (small or fast or deadline_s is not None))
        order = _order(load_settings(config), placed=network is None and collected is None, key_file=key_file,
                       name=name, out=out, upload=upload, tier=tier, small=small, fast=fast, deadline_s=deadline_s,
                       catalogue=catalogue, force=force, as_json=as_json)
        if collected is None:
            stop_if_refused(explain_refusal(order.settings, lab=read_marker().lab))
        if network is not None:
            check_may_be_made(order.settings)
        with hold_run_lock(_prepare_folder(order.folder)):
            if every is None:
                sys.exit(publish_feed(order, learn))
            _go_on(order, every, learn)
    except (SettingsError, StoreError) as error:
        raise click.ClickException(visible(str(error))) from error
    except LockedError:
        click.echo(f"Another feed is made in {out}; this one does nothing.", err=True)
        sys.exit(EXIT_LOCKED)


def _choose_way(network: str | None, asked: tuple[Path, ...], tests: int, collected: Path | None, *,
                by_run: bool) -> Learn:
    """How the feed is learned. `by_run`: nothing was said that is of runs of this place alone."""
    if network is not None and collected is not None:
        raise click.UsageError("--with and --from are two ways: choose one")
    if network is not None:
        return GlobalpingLearner(asked=asked, tests=tests)
    if asked:
        raise click.UsageError("--ask goes with --with")
    if collected is None:
        return learn_by_run
    if not by_run:
        raise click.UsageError("--from measures nothing: --small, --fast and --deadline-s are for feeds of this place")
    from probe_operate.feeds.crowd_publishing import CrowdLearner

    return CrowdLearner(collected=collected)


def _prepare_folder(folder: Path) -> Path:
    """The folder; one that is made now may be read by the web server, which is another user."""
    if not folder.is_dir():
        make_folder(folder)
        folder.chmod(0o755)
    return folder


def _make_key(path: Path) -> None:
    from probe_operate.lists.signing import find_public_key_path, make_key

    made = make_key(path.expanduser().absolute())
    click.echo(f"Written: {path}, which signs and stays here, and {find_public_key_path(path)}, for everybody.\n"
               "What a probe's configuration needs of it:\n"
               f"  [[feed]]\n  urls = [\"https://feed.example.org/de-1.json\"]\n  key = \"{made.public.text}\"")


def _order(settings: Settings, *, placed: bool, key_file: Path | None, name: str | None, out: Path | None,
           upload: bool, tier: int, small: bool, fast: bool, deadline_s: float | None, catalogue: str | None,
           force: bool, as_json: bool) -> PublishOrder:
    """Everything that is needed. Raises UsageError for what is missing or wrong, before anything is sent. A feed that
    is `placed` is this place's own."""
    import re

    from probe.catalogue.types import CatalogueError
    from probe.upkeep.commands.target_list import choose_run_catalogue
    from probe.upkeep.updates.minisign import SignatureError
    from probe_operate.lists.signing import read_secret_key

    if key_file is None or name is None or out is None:
        raise click.UsageError("--key, --name and -o are needed; a key is made by --new-key")
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?", name):
        raise click.UsageError(f"--name {name!r}: small letters, digits and hyphens, such as de-1")
    if placed and (settings.vantage.asn < 1 or settings.vantage.cc == "ZZ"):
        raise click.UsageError("the configuration does not say where this is: set cc and asn under [vantage], or "
                               "probe setup --country DE --asn 64500; two feeds count as two by them")
    if upload and not settings.upload.to:
        raise click.UsageError("--upload needs a place: upload.to in the configuration (probe setup --upload-to URL)")
    try:
        key, listed = read_secret_key(key_file.expanduser()), choose_run_catalogue(settings, catalogue,
                                                                                   datetime.now(UTC),
                                                                                   lab=read_marker().lab)
    except (SignatureError, CatalogueError) as error:
        raise click.ClickException(visible(str(error))) from None
    return PublishOrder(settings=settings, catalogue=_without_small(listed.catalogue, small or not placed), key=key,
                        name=name, folder=out.absolute(), upload=upload, tier=tier, fast=fast, force=force,
                        as_json=as_json,
                        deadline_s=deadline_s or (FAST_DEADLINE_S if fast else settings.run.deadline_s))


def _without_small(catalogue: Catalogue, small: bool) -> Catalogue:
    """The catalogue as it may be asked every half hour, unless the person says otherwise."""
    left = tuple(e for e in catalogue.endpoints
                 if small or (service := catalogue.services.get(e.service)) is None or not service.small)
    return replace(catalogue, endpoints=left)


def _go_on(order: PublishOrder, every: int, learn: Learn) -> None:
    """One after the other, until somebody stops it; what goes wrong once is said, and the next is made all the same."""
    signal.signal(signal.SIGTERM, _stop)
    due_s = time.monotonic()
    try:
        while True:
            try:
                publish_feed(order, learn)
            except StoreError as error:
                click.echo(f"Error: {visible(str(error))}", err=True)
            due_s = max(due_s + 60 * every, time.monotonic())
            time.sleep(max(0.0, due_s - time.monotonic()))
    except KeyboardInterrupt:
        click.echo("Stopped; the last feed stays where it is.", err=True)


def _stop(number: int, stack_frame: FrameType | None) -> None:
    raise KeyboardInterrupt
