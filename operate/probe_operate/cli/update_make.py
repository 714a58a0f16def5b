"""`probe update make`: the makers' side of lists."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import click

from probe.core.counted_words import count_things
from probe.store.files.atomic import StoreError, write_file
from probe.upkeep.commands.output_option import output_option
from probe.upkeep.updates.list_document import (
    ListError,
    StagedTargets,
    load_listed_catalogue,
    load_staged_catalogue,
    read_document,
)
from probe_operate.lists.list_making import read_policies, write_document

_MAX_POLICY_BYTES = 1 << 20


@click.command("make")
@click.option("--targets", required=True, type=click.Path(exists=True, dir_okay=False), help="A targets.csv.")
@click.option("--policy", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="TOML file: a table for each country's code, and [\"*\"] for all, with pause, stop (services), "
              "max_level, max_tier, pace_s.")
@click.option("--serial", required=True, type=click.IntRange(1, 2**53), help="Higher than that of every list before.")
@click.option("--staged", type=click.Path(exists=True, dir_okay=False), metavar="FILE",
              help="A targets.csv that some of the volunteers measure first, drawn by lot.")
@click.option("--percent", type=click.IntRange(1, 99), default=10, show_default=True,
              help="Percentage of the volunteers who measure it first.")
@output_option("file", "File to write.", required=True)
def make(targets: str, policy: Path | None, serial: int, staged: str | None, percent: int, out: Path) -> None:
    """Write a list, which you then sign with minisign. Volunteers' programs accept only a signed list.

    With --staged, some probes, drawn by lot, measure new targets earlier than the others. `probe fleet rollout`
    compares these probes with the others.

    \b
    Example of a policy:
      ["*"]
      max_level = 2
      [XX]
      pause = "measurers were arrested there on 2026-11-20"
      [YY]
      stop = ["signal"]
    """
    from probe.catalogue.load import load_catalogue
    from probe.catalogue.types import CatalogueError
    from probe_operate.lists.catalogue_check import check_catalogue

    try:
        for path in (targets, *([staged] if staged else [])):
            catalogue = load_catalogue(path)
            if findings := check_catalogue(catalogue):
                shown = "\n".join(findings[:20])
                raise click.ClickException(f"{shown}\nPut this right first: probe targets check {path}")
        stage = StagedTargets(percent=percent, targets=_read(staged)) if staged else None
        asked = read_policies(_policy(policy)) if policy else {}
        raw = write_document(serial=serial, date=_today(), policy=asked, targets=_read(targets), stage=stage)
        found = read_document(raw)
        catalogue = load_listed_catalogue(found)
        if staged:
            load_staged_catalogue(found)
        write_file(out.absolute(), raw)
    except (ListError, CatalogueError, StoreError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Written: {out}, {len(raw)} bytes, {count_things(len(catalogue.endpoints), 'endpoint')}, "
               f"{len(asked)} policies.\n"
               f"Next, sign it, and serve both files side by side, the signature first:\n"
               f"  minisign -S -m {out} -t 'list {serial}'\n"
               f"or, with a key that no password locks: probe update sign {out} --key FILE")


def _today() -> date:
    return datetime.now(UTC).date()


def _read(path: str) -> str:
    return Path(path).read_text(encoding="utf-8-sig")


def _policy(path: Path) -> bytes:
    with path.open("rb") as handle:
        raw = handle.read(_MAX_POLICY_BYTES + 1)
    if len(raw) > _MAX_POLICY_BYTES:
        raise ListError(f"{path}: is larger than {_MAX_POLICY_BYTES} bytes")
    return raw
