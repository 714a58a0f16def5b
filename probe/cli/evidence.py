"""`probe evidence`: the captured packets that a verdict rests on, as a file for any analyser."""

from __future__ import annotations

from pathlib import Path

import click

from probe.core.runs import RunResult
from probe.core.verdicts import Verdict
from probe.results.files.atomic import StoreError, write_file
from probe.results.files.pcapng import read_blocks
from probe.results.layout import packets_path
from probe.results.runs.run_reader import read_run


@click.command()
@click.argument("directory", metavar="RESULTS", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("which", metavar="RUN_OR_VERDICT")
@click.option("--target", help="Only the packets of the verdict on this target (its target_id).")
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path),
              help="The file to write (pcapng).")
def evidence(directory: Path, which: str, target: str | None, output: Path) -> None:
    """Write the packets that a run kept of failing connections, or those that one verdict rests on.

    RUN_OR_VERDICT is a run_id, or the measurement_uid of a verdict. The packets hold no address or port of the
    volunteer's (192.0.2.1 and 2001:db8::1 stand for it); each has the observation_id it belongs to as its comment.

    \b
    Examples:
      probe evidence results 20170504T100000Z_1a2b3c4d -o run.pcapng
      probe evidence results 20170504T100000Z_1a2b3c4d --target wechat.web.wx -o wx.pcapng
      probe evidence results 20170504T100000Z_1a2b3c4d.wechat.web.wx -o wx.pcapng
    """
    run_id, _, named = which.partition(".")
    target = target or named
    try:
        result = read_run(directory, run_id)
        wanted = frozenset(_verdict(result, target).evidence) if target else None
        blocks = [block for comment, block in read_blocks(_file(directory, result))
                  if not comment or wanted is None or comment in wanted]
        if not any(block[0] == 6 for block in blocks):
            raise click.ClickException(f"none of the captured packets belongs to the verdict on {target}: "
                                       "packets are kept of connections that failed")
        write_file(output, b"".join(blocks))
    except StoreError as error:
        raise click.ClickException(str(error)) from error
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    click.echo(f"{sum(block[0] == 6 for block in blocks)} packets written to {output}")


def _verdict(result: RunResult, target: str) -> Verdict:
    found = next((v for v in result.verdicts if v.target_id == target), None)
    if found is None:
        raise click.UsageError(f"run {result.run.run_id} says nothing of {target!r}; its verdicts name the targets")
    return found


def _file(directory: Path, result: RunResult) -> Path:
    path = packets_path(directory, result.run)
    if path.exists():
        return path
    if result.run.vantage.privilege != "packet":
        raise click.ClickException(f"run {result.run.run_id} could not capture packets; `probe doctor` tells how to "
                                   "allow it")
    raise click.ClickException(f"run {result.run.run_id} kept no packets: none of its connections failed")
