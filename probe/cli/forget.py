"""`probe forget`: delete everything that the probe keeps."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from probe.config.settings import choose_results_folder
from probe.core.translation import say, say_count
from probe.core.visible_text import visible
from probe.store.archive.forgetting import KeptFiles
from probe.store.archive.own_files import SUBMIT_FOLDER, UPLOAD_FOLDER
from probe.store.files.atomic import StoreError
from probe.upkeep.commands.command_setup import load_command_settings
from probe.upkeep.commands.exit_codes import EXIT_LOCKED
from probe.upkeep.commands.run_lock import LockedError, hold_run_lock
from probe.upkeep.commands.yes_or_no import ask_yes_or_no

_SHOWN = 10


@click.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path), required=False)
@click.option("--config", type=click.Path(dir_okay=False), help="Configuration file; it names the results folder.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget(directory: Path | None, config: str | None, yes: bool) -> None:
    """Delete everything that the probe keeps on this machine: the results in DIRECTORY (default: the configured
    folder), the key behind probe_id, and what scheduled runs left.

    With the results the command deletes captured packets, reports, the log of scheduled runs, and the lists of what was
    uploaded and submitted.

    `probe forget` never deletes your own files, even if they are in DIRECTORY. Your configuration stays. Copies
    elsewhere (exports, uploads, backups) stay too. Deleted files are not overwritten: somebody who gets the disk may
    still read them.

    \b
    Examples:
      probe forget
      probe forget results --yes
    """
    settings = load_command_settings(config)
    folder = choose_results_folder(settings, directory)
    from probe.store.archive import forgetting as archive

    try:
        _check_folder(folder, configured=choose_results_folder(settings))
        kept = archive.find_kept(folder)
        if not _tell_no_results(folder, kept):
            return
        _tell(folder, kept)
        if not yes and not ask_yes_or_no(say("Delete all this? It cannot be undone.")):
            click.echo(say("Nothing was deleted."))
            sys.exit(1)
        if kept.results:
            with hold_run_lock(folder), _nothing_sent(folder):
                done = archive.delete_kept(folder, archive.find_kept(folder))
        else:
            done = archive.delete_kept(folder, kept)
    except StoreError as error:
        raise click.ClickException(visible(str(error))) from error
    except OSError as error:
        raise click.ClickException(say("{name}: {error}; try again as the folder's owner", name=error.filename,
                                       error=error.strerror)) from error
    except LockedError:
        click.echo(say("A run or an upload is at work in {folder}; nothing was deleted. Stop it, or try again "
                       "later.",
                       folder=folder),
                   err=True)
        sys.exit(EXIT_LOCKED)
    click.echo(say_count("Deleted {n} file.", "Deleted {n} files.", done.files))
    if done.left:
        names = ", ".join(visible(path.name) for path in done.left[:_SHOWN])
        click.echo(say("Not the probe's, so still in {folder}: {names}", folder=folder,
                       names=names + (" ..." if len(done.left) > _SHOWN else "")))
    if settings.path:
        click.echo(say("Your configuration, with what you agreed to, is still there; delete it by hand: {path}",
                       path=settings.path))
    from probe.upkeep.schedules.installed_schedules import list_installed

    if found := list_installed():
        click.echo(say("Runs are still scheduled ({names}) and would begin anew: probe uninstall",
                       names=", ".join(found)))


def _check_folder(folder: Path, *, configured: Path) -> None:
    """Raises StoreError for a folder that is not there: it may be mistyped, and what was meant is kept still. The
    configured one is made by the first run only."""
    if not folder.is_dir() and folder.absolute() != configured.absolute():
        raise StoreError(say("{folder}: no such folder; nothing was deleted", folder=folder))


@contextmanager
def _nothing_sent(folder: Path) -> Iterator[None]:
    """Nobody uploads or submits from there meanwhile, who would write down anew what was sent."""
    with ExitStack() as stack:
        for place in (folder / UPLOAD_FOLDER, folder / SUBMIT_FOLDER):
            if place.is_dir() and not place.is_symlink():
                stack.enter_context(hold_run_lock(place))
        yield


def _tell_no_results(folder: Path, kept: KeptFiles) -> bool:
    """Say where a folder holds no results: one that was named by mistake is not to look like one that was cleaned.
    Returns whether there is anything to delete."""
    if kept.results:
        return True
    if folder.is_dir():
        click.echo(say("{folder} holds no results of this probe; nothing in it is touched.", folder=folder))
        if not kept.state:
            click.echo(say("Nothing else of the probe's is kept either: there is nothing to delete."))
    elif not kept.state:
        click.echo(say("Nothing is kept in {folder} or in this user's state: there is nothing to delete.",
                       folder=folder))
    return bool(kept.state)


def _tell(folder: Path, kept: KeptFiles) -> None:
    if kept.results:
        click.echo(say("{folder}: runs or merged days: {runs}, files: {files}", folder=folder, runs=kept.runs,
                       files=len(kept.results)))
    for path in kept.state[:_SHOWN]:
        click.echo(visible(str(path)))
    if rest := kept.state[_SHOWN:]:
        folders = ", ".join(dict.fromkeys(visible(str(path.parent)) for path in rest))
        click.echo(say_count("and {n} more file in {folders}", "and {n} more files in {folders}", len(rest),
                             folders=folders))
    click.echo(say("Together {size} MB.", size=f"{kept.bytes / (1 << 20):.1f}"))
