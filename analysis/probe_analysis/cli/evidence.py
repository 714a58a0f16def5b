"""`probe evidence`: the captured packets that a verdict rests on, as a file for any analyser or as lines to read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from probe.config.install_advice import advise_extra
from probe.config.settings import SettingsError, choose_results_folder, load_settings
from probe.core import pcapng
from probe.core.counted_words import count_things
from probe.core.runs import RunResult
from probe.core.verdicts import Verdict
from probe.core.visible_text import visible
from probe.store.files.atomic import StoreError, write_file
from probe.store.files.pcapng import read_blocks
from probe.store.layout import packets_path
from probe.store.runs.run_reader import read_run
from probe.upkeep.commands.output_option import output_option
from probe_analysis.commands.packet_lines import describe_packets


@click.command()
@click.argument("words", metavar="[RESULTS] RUN_OR_VERDICT", nargs=-1, required=True)
@click.option("--target", help="Only the packets of the verdict on this target (its target_id).")
@output_option("file", "The file to write (pcapng).")
@click.option("--show", is_flag=True, help="Print a line for each packet (extra `packets`).")
def evidence(words: tuple[str, ...], target: str | None, out: Path | None, show: bool) -> None:
    """Write the packets of failing connections that a run kept, or only those on which one verdict rests.

    RESULTS is the results folder (default: the configured one). RUN_OR_VERDICT is a run_id, or the measurement_uid of a
    verdict.

    The written packets do not contain the volunteer's address or ports. 192.0.2.1 and 2001:db8::1 replace the address.
    The comment of each packet names the observation (observation_id) to which the packet belongs.

    \b
    Examples:
      probe evidence 20170504T100000Z_1a2b3c4d -o run.pcapng
      probe evidence results 20170504T100000Z_1a2b3c4d --target wechat.web.wx -o wx.pcapng
      probe evidence results 20170504T100000Z_1a2b3c4d.wechat.web.wx -o wx.pcapng
      probe evidence results 20170504T100000Z_1a2b3c4d.wechat.web.wx --show
    """
    if out is None and not show:
        raise click.UsageError("name a file with -o, or --show the packets")
    *given, which = words
    if len(given) > 1:
        raise click.UsageError(f"too many words: {' '.join(given)}. Name one results folder, and one run or verdict")
    run_id, _, named = which.partition(".")
    target = target or named
    try:
        directory = choose_results_folder(load_settings(), Path(given[0]) if given else None)
        result = read_run(directory, run_id)
        wanted = frozenset(_verdict(result, target).evidence) if target else None
        blocks = [(comment, block) for comment, block in read_blocks(_file(directory, result))
                  if not comment or wanted is None or comment in wanted]
        count = sum(block[0] == pcapng.PACKET for _, block in blocks)
        if not count:
            raise click.ClickException(f"none of the captured packets belongs to the verdict on {target}: "
                                       "packets are kept of connections that failed")
        if out is not None:
            write_file(out, b"".join(block for _, block in blocks))
    except (SettingsError, StoreError) as error:
        raise click.ClickException(visible(str(error))) from error
    except ValueError as error:
        raise click.UsageError(visible(str(error))) from error
    if show:
        _show(blocks)
    if out is not None:
        click.echo(f"{count_things(count, 'packet')} written to {out}")


def _show(blocks: Sequence[tuple[str, bytes]]) -> None:
    try:
        for line in describe_packets(blocks):
            click.echo(line)
    except ImportError as error:
        raise click.ClickException(f"showing packets needs an extra: {advise_extra('packets')}") from error


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
