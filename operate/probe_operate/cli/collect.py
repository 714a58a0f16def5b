"""`probe collect`: the results of many volunteers as one data set."""

from __future__ import annotations

import json
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from probe.config.settings import SettingsError
from probe.core.counted_words import choose_word, count_things
from probe.core.tables.origin_words import ORIGIN_WORDS, OriginWord
from probe.core.visible_text import visible
from probe.store.files.atomic import StoreError, make_folder, translate_os_errors
from probe.store.files.parquet import explain_lacking_pyarrow
from probe.upkeep.commands.exit_codes import EXIT_LOCKED
from probe.upkeep.commands.output_option import output_option
from probe.upkeep.commands.progress_bar import show_progress
from probe.upkeep.commands.run_lock import LockedError, hold_run_lock
from probe_operate.collect.collecting import CollectResult

if TYPE_CHECKING:
    from probe.store.signing.age_proofs import IssuerKeys
    from probe_operate.collect.lake import LakeResult
    from probe_operate.collect.proven_ages import ProofCounts
    from probe_operate.collect.remote_runs import RemoteInbox
    from probe_operate.collect.sealed_reading import OpeningKeys
    from probe_operate.collect.upload_origins import UploadOrigins

_SHOWN = 20


class _Source(click.Path):
    """A folder that there is, or a URL."""

    def __init__(self) -> None:
        super().__init__(exists=True, file_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """A path, or a text with `://` in it."""
        return value if "://" in str(value) else super().convert(value, param, ctx)


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="DIR|URL...", type=_Source())
@output_option("folder", "Results folder to make or to add to.", required=True)
@click.option("--access", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
              help="What the servers of URLs need: credentials, endpoint, region ..., as [upload] of a configuration.")
@click.option("--identity", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Secret key of age (age-keygen -o FILE) that opens what volunteers encrypted to it.")
@click.option("--issuer-keys", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
              help="Public keys of an issuer (of probe issuer make): a new name that comes with its proof counts at "
                   "once.")
@click.option("--origins", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR",
              help="Folder in which probe operate origins records the network of each upload: compare the runs with "
                   "it.")
@click.option("--lake", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="Also write the days that are over as Parquet files, by country and month, into this folder.")
@click.option("--lab", is_flag=True, help="Take the laboratory's runs, and no others.")
@click.option("--json", "as_json", is_flag=True, help="Print everything that was found as JSON.")
def collect(sources: tuple[Path | str, ...], out: Path, access: Path | None, identity: Path | None,
            issuer_keys: Path | None, origins: Path | None, lake: Path | None, lab: bool, as_json: bool) -> None:
    """Check the results folders of many volunteers and merge them into one data set.

    DIR is a results folder, or contains several. URL is an inbox to which volunteers upload: https:// of WebDAV or of a
    server that lists its folders, s3://bucket/folder, gs:// or az://.

    `probe collect` reads each run completely, checks the run's signature, and writes the run into the data set. If the
    same run comes twice, the command takes it once.

    Two different versions of one run are suspicious. If the data set already has one version, `probe collect` refuses
    the other. If both are new, the command reports both and takes neither.

    The file first-seen.csv in the data set says on which day the command first saw each probe's name in each network.
    Call the command every day, so that this is the day on which the probe's first run arrived.

    A probe's name counts as established three days after its day in first-seen.csv. Analyses prefer results from
    established names to those from newer names.

    With --origins, a probe's name counts as established (known for three days) only if most of its runs were uploaded
    from the network that the runs claim. Of the probes that upload from one address prefix (/24 or /48), at most two
    count in a network.

    `probe collect` leaves out runs that changed after they were signed. It also leaves out files that are damaged, that
    do not belong to a results folder, or that have a newer schema. It lists all these with the reason.

    `probe collect` changes nothing in DIR or at URL. If it has read a run before, it reads the run again only if the
    run's files changed.

    The exit status is 1 if the command could not read all files at a URL. It is also 1 if the data set contains no run
    at the end.

    \b
    Examples:
      probe collect alice bob -o collected
      probe collect incoming -o collected --json
      probe collect incoming -o collected --lake lake
      probe collect https://inbox.example/in -o collected --access inbox.toml
      probe collect incoming -o collected --identity project.key
      probe collect incoming -o collected --issuer-keys issuer.key.public.json
      probe collect incoming -o collected --origins origins
      probe export collected --release -o to-publish.csv
    """
    places = tuple(_open(source, access) for source in sources)
    try:
        issuer = _read_issuer(issuer_keys) if issuer_keys else None
        _check_places(places, out, lake)
        make_folder(out)
        keys = _read_keys(identity) if identity else None
        came_from = _read_origins(origins) if origins else None
        with hold_run_lock(out):
            done = _collect(places, keys, issuer, came_from, out, lab)
            written = _update_lake(out, lake) if lake and done.holds_runs else None
    except (StoreError, SettingsError) as error:
        raise click.ClickException(visible(str(error))) from error
    except OSError as error:
        message = f"{error.filename}: {error.strerror}; correct this and try again"
        raise click.ClickException(visible(message)) from error
    except LockedError:
        click.echo(f"Somebody else is writing to {out}; nothing was done. Try again later.", err=True)
        sys.exit(EXIT_LOCKED)
    if done.unopened:
        click.echo(f"{done.unopened} encrypted uploads were not looked into: name their key with --identity FILE.",
                   err=True)
    if as_json:
        click.echo(json.dumps(_as_json(done) | (_lake_as_json(written) if written else {})))
    else:
        _tell(done, out)
        if lake and written:
            _tell_lake(written, lake)
    if done.unreached:
        raise click.ClickException("; ".join(map(visible, done.unreached)))
    if not done.holds_runs:
        raise click.ClickException(f"Nothing could be taken into {visible(str(out))}.{_advise(done, lab)}")


def _check_places(sources: tuple[Path | RemoteInbox, ...], out: Path, lake: Path | None) -> None:
    """Raises UsageError, and ClickException where no source holds results, before anything is made or asked."""
    folders = tuple(source for source in sources if isinstance(source, Path))
    _check(folders, out)
    if lake:
        _check_lake(lake, (*folders, out))
    if len(folders) == len(sources):
        _check_results(folders)


def _check(sources: tuple[Path, ...], out: Path) -> None:
    there = out.resolve()
    for source in sources:
        here = source.resolve()
        if here == there or here in there.parents or there in here.parents:
            raise click.UsageError(f"{out} and {source} lie within each other; write the data set elsewhere")


def _check_lake(lake: Path, others: tuple[Path, ...]) -> None:
    if why := explain_lacking_pyarrow():
        raise click.ClickException(why)
    for other in others:
        _check((other,), lake)


def _tell_lake(written: LakeResult, lake: Path) -> None:
    click.echo(f"{visible(str(lake))}: {count_things(len(written.days), 'day')} written.")
    if written.unusable:
        click.echo(f"{count_things(len(written.unusable), 'run')} {choose_word(len(written.unusable), 'is', 'are')} "
                   f"not as they were signed and stay out of it; see probe verify.")


def _lake_as_json(written: LakeResult) -> dict[str, object]:
    return {"lake_days": written.days, "lake_unusable": written.unusable}


def _update_lake(out: Path, lake: Path) -> LakeResult:
    from probe_operate.collect.lake import update_lake

    make_folder(lake)
    with show_progress("Writing days") as progress:
        return update_lake(out, lake, today=datetime.now(UTC).date(), progress=progress)


def _check_results(sources: tuple[Path, ...]) -> None:
    """Tells which sources hold no results. Raises ClickException where none does, before anything is made."""
    from probe.store.archive.own_files import find_results_folders
    from probe_operate.collect.sealed_files import find_sealed_folders

    without = [source for source in sources if not (find_results_folders(source) or any(find_sealed_folders(source)))]
    lines = [f"{visible(str(source))}: neither a results folder, which has folders `runs` or `archives`, nor one that "
             "holds some directly below it" for source in without]
    if len(without) == len(sources):
        raise click.ClickException("; ".join(lines[:_SHOWN]))
    for line in lines[:_SHOWN]:
        click.echo(line, err=True)


def _advise(done: CollectResult, lab: bool) -> str:
    if not done.lab:
        return ""
    return " Without --lab the others are taken." if lab else " All that is whole is of the laboratory: say --lab."


def _open(source: Path | str, access: Path | None) -> Path | RemoteInbox:
    if isinstance(source, Path):
        return source
    from probe.config.settings import SettingsError
    from probe_operate.inbox.inbox_places import open_inbox

    try:
        return open_inbox(source, access)
    except SettingsError as error:
        raise click.UsageError(visible(str(error))) from error


def _read_keys(identity: Path) -> OpeningKeys:
    from probe_operate.collect.sealed_files import read_identities
    from probe_operate.collect.sealed_reading import OpeningKeys

    return OpeningKeys.of(read_identities(identity))


def _read_issuer(path: Path) -> IssuerKeys:
    """Raises StoreError."""
    from probe.store.signing.age_proofs import MAX_KEYS_BYTES, AgeError, read_issuer_keys

    with translate_os_errors(path), path.open("rb") as file:
        content = file.read(MAX_KEYS_BYTES + 1)
    try:
        return read_issuer_keys(content)
    except AgeError as error:
        raise StoreError(f"{path}: {error}") from None


def _read_origins(folder: Path) -> UploadOrigins:
    """Raises StoreError."""
    from probe_operate.collect.upload_origins import read_upload_origins

    return read_upload_origins(folder, datetime.now(UTC).date())


def _collect(sources: tuple[Path | RemoteInbox, ...], keys: OpeningKeys | None, issuer: IssuerKeys | None,
             came_from: UploadOrigins | None, out: Path, lab: bool) -> CollectResult:
    from probe_operate.collect.collecting import collect_runs as gather

    with show_progress("Reading folders") as progress:
        return gather(sources, out, keys=keys, lab=lab, issuer=issuer, origins=came_from, progress=progress)


def _as_json(done: CollectResult) -> dict[str, object]:
    return {
        "folders": done.folders, "taken": done.taken, "present": done.present, "duplicates": done.duplicates,
        "lab": done.lab, "unopened": done.unopened, "schemas": dict(done.schemas), "problems": done.problems,
        "unreached": done.unreached,
        "conflicts": {run: sorted(map(str, folders)) for run, folders in sorted(done.conflicts.items())},
        "contested": {run: sorted(map(str, folders)) for run, folders in sorted(done.contested.items())},
        "signatures": dict(done.signatures),
        "refused": [{"path": str(found.path), "reason": found.reason} for found in done.refused],
        "proofs": {"new": done.proofs.new, "known": done.proofs.known,
                   "worthless": dict(done.proofs.worthless)} if done.proofs else None,
        "origins": {word: done.origins[word] for word in ORIGIN_WORDS} if done.origins is not None else None,
    }


def _tell(done: CollectResult, out: Path) -> None:
    schemas = ", ".join(f"schema {visible(version)}: {runs}" for version, runs in sorted(done.schemas.items()) if runs)
    click.echo(f"{out}: {count_things(done.taken, 'run')} taken from {done.folders} "
               f"folders{f' ({schemas})' if schemas else ''}; "
               f"{done.duplicates} came twice, {done.present} were there already.")
    _tell_senders(done)
    if done.lab:
        click.echo(f"{count_things(done.lab, 'run')} left out, because laboratory runs and others are never mixed; "
                   f"see --lab.")
    for run, folders in sorted(done.conflicts.items()):
        where = ", ".join(visible(str(folder)) for folder in sorted(folders))
        click.echo(f"Conflict, not taken: run {run} differs between {where}")
    for run, folders in sorted(done.contested.items()):
        where = ", ".join(visible(str(folder)) for folder in sorted(folders))
        click.echo(f"Refused, and the first stays: another version of run {run} in {where}")
    for problem in done.problems:
        click.echo(visible(problem))
    for reason, count in Counter(_kind(found.reason) for found in done.refused).most_common():
        click.echo(f"Left out {count}: {visible(reason)}")
    for found in done.refused[:_SHOWN]:
        click.echo(f"  {visible(str(found.path))}: {visible(found.reason)}")
    if len(done.refused) > _SHOWN:
        click.echo(f"  ... and {len(done.refused) - _SHOWN} more; --json lists all.")


def _tell_senders(done: CollectResult) -> None:
    """How far it is known who sent the runs."""
    if unsigned := done.signatures["unsigned"]:
        click.echo(f"{count_things(unsigned, 'run')} {choose_word(unsigned, 'is', 'are')} unsigned: nobody can tell "
                   f"whether they were changed.")
    if done.proofs:
        _tell_proofs(done.proofs)
    if done.origins is not None:
        _tell_origins(done.origins)


def _tell_proofs(proofs: ProofCounts) -> None:
    click.echo(f"{count_things(proofs.new, 'name')} proved their age; {proofs.known} proofs were known.")
    for why, count in proofs.worthless.most_common():
        click.echo(f"{count} proofs count for nothing: each {visible(why)}")


def _tell_origins(origins: Counter[OriginWord]) -> None:
    click.echo(f"{count_things(origins['same'], 'run')} came from the network that they name, {origins['other']} "
               f"from another one; of "
               f"{origins['unknown']} nobody knows.")


def _kind(reason: str) -> str:
    """The reason without what differs from file to file."""
    return reason if len(reason) <= 60 and "/" not in reason else "damaged, or not of this program"
