"""`probe feed`: measure at an uncensored place, and publish what was seen as a signed control feed."""

from __future__ import annotations

import json
import signal
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from probe import __version__
from probe.cli.lock import Locked, run_lock
from probe.cli.main import EXIT_LOCKED, EXIT_NO_CONSENT, EXIT_NO_NETWORK
from probe.consent.check import refusal
from probe.marker import read_marker
from probe.settings import Settings, SettingsError, load_settings
from probe.store.atomic import StoreError
from probe.store.cells import visible

if TYPE_CHECKING:
    from probe.catalogue.types import Catalogue
    from probe.control.feed_document import Feed
    from probe.feed.changes import Change
    from probe.updates.sign import SecretKey

FAST_DEADLINE_S = 120.0
MOST_SHOWN = 50
_SUFFIX, _SIGNATURE = ".json", ".minisig"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """What is to be published, and where."""

    settings: Settings
    catalogue: Catalogue
    key: SecretKey
    name: str
    folder: Path
    upload: bool
    tier: int
    deadline_s: float
    fast: bool
    force: bool
    as_json: bool

    @property
    def file(self) -> Path:
        return self.folder / f"{self.name}{_SUFFIX}"


@click.command()
@click.option("--new-key", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Make a key pair, FILE and FILE.pub, and do nothing else.")
@click.option("--key", "key_file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Secret key to sign with (of --new-key, or minisign -G -W).")
@click.option("--name", help="Name of this vantage, such as de-1; it stands in the results of whoever uses the feed.")
@click.option("-o", "--output", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="Folder for NAME.json and NAME.json.minisig, as a web server serves it.")
@click.option("--upload", is_flag=True, help="Also send both to upload.to of the configuration, below feeds/.")
@click.option("--every", type=click.IntRange(10, 360), metavar="MINUTES",
              help="Go on until stopped, so many minutes from start to start.")
@click.option("--tier", type=click.IntRange(0, 3), default=3, show_default=True, help="Endpoints up to this tier.")
@click.option("--fast", is_flag=True, help="No pacing: a burst of a minute or two.")
@click.option("--deadline-s", type=click.FloatRange(5, 7200),
              help="End of a run (default: 120 with --fast, else run.deadline_s of the configuration, 900).")
@click.option("--catalogue", type=click.Path(dir_okay=False), help="A targets.csv.")
@click.option("--config", type=click.Path(dir_okay=False), help="Configuration file; [vantage] cc and asn say where "
              "this is.")
@click.option("--force", is_flag=True, help="Publish also where most of what answered before does not any more.")
@click.option("--json", "as_json", is_flag=True, help="Print each feed's report as one line of JSON.")
def feed(new_key: Path | None, key_file: Path | None, name: str | None, output: Path | None, upload: bool,
         every: int | None, tier: int, fast: bool, deadline_s: float | None, catalogue: str | None,
         config: str | None, force: bool, as_json: bool) -> None:
    """Measure the catalogue at an uncensored place, and publish it as a signed control feed.

    Probes elsewhere read it before their runs (table [[feed]] of their configuration), and know by it what answers and
    what does not. It says what is new: endpoints that do not answer, and those that changed. Where the network here is
    not well, or interferes itself, nothing is published. Needs consent as runs do: probe setup.

    \b
    Examples:
      probe feed --new-key ~/feed.key
      probe feed --key ~/feed.key --name de-1 -o /var/www/feed
      probe feed --key ~/feed.key --name de-1 -o /var/www/feed --every 30
    """
    try:
        if new_key is not None:
            _make_key(new_key)
            return
        order = _order(load_settings(config), key_file=key_file, name=name, output=output, upload=upload, tier=tier,
                       fast=fast, deadline_s=deadline_s, catalogue=catalogue, force=force, as_json=as_json)
        if why := refusal(order.settings, lab=read_marker().lab):
            click.echo(f"Error: {why}", err=True)
            sys.exit(EXIT_NO_CONSENT)
        with run_lock(order.folder):
            if every is None:
                sys.exit(_publish(order))
            _go_on(order, every)
    except (SettingsError, StoreError) as error:
        raise click.ClickException(visible(str(error))) from error
    except Locked:
        click.echo(f"Another feed is made in {output}; this one does nothing.", err=True)
        sys.exit(EXIT_LOCKED)


def _make_key(path: Path) -> None:
    from probe.updates.sign import new_key, public_path

    made = new_key(path.expanduser().absolute())
    click.echo(f"Written: {path}, which signs and stays here, and {public_path(path)}, for everybody.\n"
               "What a probe's configuration needs of it:\n"
               f"  [[feed]]\n  urls = [\"https://feed.example.org/de-1.json\"]\n  key = \"{made.public.text}\"")


def _order(settings: Settings, *, key_file: Path | None, name: str | None, output: Path | None, upload: bool, tier: int,
           fast: bool, deadline_s: float | None, catalogue: str | None, force: bool, as_json: bool) -> _Order:
    """Everything that is needed. Raises UsageError for what is missing or wrong, before anything is sent."""
    import re

    from probe.catalogue.types import CatalogueError
    from probe.cli.listed import chosen
    from probe.updates.minisign import SignatureError
    from probe.updates.sign import read_key

    if key_file is None or name is None or output is None:
        raise click.UsageError("--key, --name and -o are needed; a key is made by --new-key")
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?", name):
        raise click.UsageError(f"--name {name!r}: small letters, digits and hyphens, such as de-1")
    if settings.vantage.asn < 1 or settings.vantage.cc == "ZZ":
        raise click.UsageError("the configuration does not say where this is: set cc and asn under [vantage], or "
                               "probe setup --country DE --asn 64500; two feeds count as two by them")
    if upload and not settings.upload.to:
        raise click.UsageError("--upload needs a place: upload.to in the configuration (probe setup --upload-to URL)")
    try:
        key, listed = read_key(key_file.expanduser()), chosen(settings, catalogue, datetime.now(UTC),
                                                              lab=read_marker().lab)
    except (SignatureError, CatalogueError) as error:
        raise click.ClickException(visible(str(error))) from None
    return _Order(settings=settings, catalogue=listed.catalogue, key=key, name=name, folder=output.absolute(),
                  upload=upload, tier=tier, fast=fast, force=force, as_json=as_json,
                  deadline_s=deadline_s or (FAST_DEADLINE_S if fast else settings.run.deadline_s))


def _go_on(order: _Order, every: int) -> None:
    """One after the other, until somebody stops it; what goes wrong once is said, and the next is made all the same."""
    signal.signal(signal.SIGTERM, _stop)
    due_s = time.monotonic()
    try:
        while True:
            try:
                _publish(order)
            except StoreError as error:
                click.echo(f"Error: {visible(str(error))}", err=True)
            due_s = max(due_s + 60 * every, time.monotonic())
            time.sleep(max(0.0, due_s - time.monotonic()))
    except KeyboardInterrupt:
        click.echo("Stopped; the last feed stays where it is.", err=True)


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _publish(order: _Order) -> int:
    """Measure, compare, sign, write; the exit status. Raises StoreError."""
    from probe.cli.progress import bar
    from probe.control.feed_document import FeedError
    from probe.feed.changes import changes, silent
    from probe.feed.learn import FeedFrame, learn, unfit
    from probe.session.frame import RunPlan
    from probe.session.run import make_run

    settings = _alone(order.settings)
    plan = RunPlan(deadline_s=order.deadline_s, fast=order.fast, trigger="timed", tier=order.tier, transfers=False,
                   lab=read_marker().lab)
    with bar("Measuring") as progress:
        result = make_run(order.catalogue, settings, plan, progress=progress)
    if why := unfit(result):
        return _refused(order, why, EXIT_NO_NETWORK)
    before = _before(order)
    frame = FeedFrame(name=order.name, asn=settings.vantage.asn, cc=settings.vantage.cc, software=__version__)
    try:
        made = learn(result, order.catalogue, frame, before=before)
        found = changes(before, made)
        if (why := _collapse(before, made)) and not order.force:
            return _refused(order, why, 1)
        size = _write(order, made)
    except FeedError as error:
        return _refused(order, f"{error}.", 1)
    _tell(order, made, found, [entry.input for entry in silent(made)], size)
    return 0


def _alone(settings: Settings) -> Settings:
    """The settings without what is not for a feed: nobody else is asked for it."""
    import msgspec

    return msgspec.structs.replace(settings, helper=(), matrix_server=(), feed=())


def _refused(order: _Order, why: str, status: int) -> int:
    if order.as_json:
        click.echo(json.dumps({"published": False, "why": why}))
    click.echo(f"Nothing is published: {visible(why)} The last feed stays.", err=True)
    return status


def _before(order: _Order) -> Feed | None:
    """The feed that lies there, where it is ours and whole."""
    from probe.control.feed_document import FeedError
    from probe.updates.feeds import verified
    from probe.updates.kept import Fetched

    try:
        fetched = Fetched(document=order.file.read_bytes(),
                          signature=order.file.with_name(order.file.name + _SIGNATURE).read_bytes())
        found = verified(fetched, order.key.public).feed
    except (OSError, FeedError):
        return None
    return found if found.name == order.name else None


def _collapse(before: Feed | None, now: Feed) -> str:
    """Why a feed is rather this place's fault than the world's: most of what answered does not any more."""
    if before is None:
        return ""
    well = {entry.input for entry in before.entries if entry.state == "ok"}
    gone = sum(entry.input in well and entry.state != "ok" for entry in now.entries)
    both = sum(entry.input in well for entry in now.entries)
    if both < 4 or 2 * gone <= both:
        return ""
    return (f"of {both} endpoints that answered before {gone} do not any more, which is rather the fault of this place "
            "(--force publishes it).")


def _write(order: _Order, made: Feed) -> int:
    """The signature first: who comes between gets a pair that does not fit, and asks again. Raises StoreError."""
    from probe.control.feed_document import write_feed
    from probe.store.atomic import replace_file

    raw = write_feed(made)
    signed = order.key.sign(raw, f"feed {made.name} made {made.made:%Y-%m-%dT%H:%M:%SZ}")
    files = ((order.file.name + _SIGNATURE, signed), (order.file.name, raw))
    for name, content in files:
        replace_file(order.folder / name, content)
        (order.folder / name).chmod(0o644)  # for the web server, which is another user
    if order.upload:
        _send(order, files)
    return len(raw)


def _send(order: _Order, files: tuple[tuple[str, bytes], ...]) -> None:
    """To the place of uploads. What fails is tried again with the next feed. Raises StoreError."""
    from probe.upload.send import FILE_S, sender_for
    from probe.upload.sender import UploadError

    try:
        sender = sender_for(order.settings, order.folder)
        for name, content in files:
            sender.put(f"feeds/{name}", content, timeout_s=FILE_S)
    except UploadError as error:
        raise StoreError(f"the feed is written and could not be uploaded: {error}") from None


def _tell(order: _Order, made: Feed, found: tuple[Change, ...], silent: list[str], size: int) -> None:
    if order.as_json:
        click.echo(json.dumps({
            "published": True, "name": made.name, "made": made.made.isoformat(), "file": str(order.file), "bytes": size,
            "key": order.key.public.name, "entries": len(made.entries),
            "ok": sum(entry.state == "ok" for entry in made.entries), "silent": silent,
            "unclear": [entry.input for entry in made.entries if entry.state == "unclear"],
            "changes": [asdict(change) for change in found]}))
        return
    from probe.feed.changes import failure_of

    ok = sum(entry.state == "ok" for entry in made.entries)
    click.echo(f"Written: {order.file}, {size} bytes, signed by {order.key.public.name}: {ok} of {len(made.entries)} "
               "endpoints answer as they should.")
    known = {entry.input: entry for entry in made.entries}
    _lines("Do not answer", [f"{url}: {failure_of(known[url])}, since {known[url].since}" for url in silent])
    _lines("Not clear, so that nothing is said of them",
           [entry.input for entry in made.entries if entry.state == "unclear"])
    _lines("Changed since the last feed", [change.words for change in found])


def _lines(title: str, lines: list[str]) -> None:
    if lines:
        click.echo(f"{title}: {len(lines)}")
    for line in lines[:MOST_SHOWN]:
        click.echo(f"  {visible(line)}")
    if len(lines) > MOST_SHOWN:
        click.echo(f"  and {len(lines) - MOST_SHOWN} more; --json has them all")
