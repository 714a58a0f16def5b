"""`probe lab exec`: any program against a known censor."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import click

from probe_lab.cli.lab_common import LEVELS, catalogue, check_machine, load_scenario

if TYPE_CHECKING:
    from probe.core.endpoints import Endpoint
    from probe_lab.format.scenario import Scenario
    from probe_lab.lab_types import DrawnScenario

_WORD = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)+", re.IGNORECASE)
"""What may be a host's name within an argument."""


@click.command("exec", context_settings={"ignore_unknown_options": True})
@click.argument("scenario")
@click.option("--target", "targets", multiple=True, metavar="NAME|URL",
              help="Host or input of the catalogue that is censored. May be repeated.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of everything that is drawn: targets, "
                                                                     "addresses, delays.")
@click.option("--level", type=click.Choice(LEVELS), default="packet", show_default=True,
              help="Evidence level; socket: raw sockets are refused, as to an ordinary user.")
@click.option("--pcap", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="Folder for captures at the client, the servers and the vantage points (pcapng).")
@click.option("--no-helper", is_flag=True, help="Leave the test helpers out.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def exec_(
    scenario: str,
    targets: tuple[str, ...],
    seed: int,
    level: str,
    pcap: Path | None,
    no_helper: bool,
    command: tuple[str, ...],
) -> None:
    """Run any program on the client side of SCENARIO, and exit with the program's status (128 + n after signal n).

    SCENARIO names a simulated censor or fault, which affects the host of --target. Without --target it affects the host
    that COMMAND names, if COMMAND names exactly one host of the catalogue. In all other cases it affects a random host;
    the same --seed chooses the same host. A line on standard error names the host.

    COMMAND trusts the laboratory's certificates and asks its resolver. Signals sent to `probe lab exec` reach COMMAND.

    If COMMAND is `probe`, it also reads the laboratory's configuration file, $PROBE_CONFIG. This file names simulated
    servers outside the simulated censored network (test helpers). They test whether the same targets work there.

    \b
    Examples:
      probe lab exec sni-gfw2 -- curl -sv https://www.facebook.com/
      probe lab exec dns-gfw-3 --target web.telegram.org -- bash
      probe lab exec --pcap wires sni-tspu4 -- probe run --fast
    """
    from probe_lab.draw import draw_scenario
    from probe_lab.format.toml_table import ScenarioError
    from probe_lab.lab_errors import LabFailed, LabUnavailable

    check_machine()
    spec, endpoints = load_scenario(scenario), catalogue().endpoints
    try:
        drawn = draw_scenario(spec, seed=seed, endpoints=endpoints, pinned=_pinned(spec, targets, command, endpoints))
        if pcap is not None:
            pcap.mkdir(parents=True, exist_ok=True)
        _introduce(drawn, seed)
        _warn_beyond_tier(drawn, command, endpoints)
        status = _run(drawn, command, level=level, pcap=pcap, helpers=not no_helper)
    except OSError as error:
        raise click.ClickException(f"{pcap}: {error.strerror}" if pcap else str(error)) from error
    except (ScenarioError, LabFailed, LabUnavailable) as error:
        raise click.ClickException(str(error)) from error
    sys.exit(status)


def _pinned(
    spec: Scenario, targets: tuple[str, ...], command: Sequence[str], endpoints: Iterable[Endpoint]
) -> dict[str, tuple[str, ...]]:
    """Who the scenario's first alias stands for, where somebody says so."""
    if not spec.draw:
        if targets:
            raise click.UsageError(f"{spec.name} censors nobody by name: leave --target out")
        return {}
    first = next(iter(spec.draw))
    if targets:
        return {first: targets}
    named = hosts_in(command, endpoints)
    if len(named) != 1:
        return {}
    click.echo(f"the command names {named[0]}: it is @{first} (--target says otherwise)", err=True)
    return {first: named}


def hosts_in(command: Iterable[str], endpoints: Iterable[Endpoint]) -> tuple[str, ...]:
    """The hosts of the catalogue that a command line names, each once."""
    known = {row.host.lower() for row in endpoints if row.host and "{" not in row.host and not row.address}
    words = (word.lower() for argument in command for word in _WORD.findall(argument))
    return tuple(dict.fromkeys(word for word in words if word in known))


def _introduce(drawn: DrawnScenario, seed: int) -> None:
    click.echo(f"{drawn.name} (seed {seed}): {drawn.title}", err=True)
    for alias, inputs in drawn.aliases.items():
        if ":" not in alias:
            click.echo(f"  @{alias}: {' '.join(inputs)}", err=True)


def _warn_beyond_tier(drawn: DrawnScenario, command: Sequence[str], endpoints: Iterable[Endpoint]) -> None:
    """Say so where the command is a run of the probe that does not measure what was drawn."""
    if "run" not in command or not any(word.rpartition("/")[2] == "probe" for word in command) or (
            {"--input", "--catalogue"} & set(command)):
        return
    beyond = list_beyond_tier(drawn.aliases, read_tier(command), endpoints)
    if beyond:
        click.echo(f"this run measures up to tier {read_tier(command)} and leaves out: {' '.join(beyond)} "
                   f"(add --tier 3, or name another with --target)", err=True)


def read_tier(command: Sequence[str]) -> int:
    """The tier of a `probe run` command line; 1 where it says none."""
    words = dict(pairwise(command))
    said = words.get("--tier") or next((word.partition("=")[2] for word in command if word.startswith("--tier=")), "1")
    return int(said) if said in ("0", "1", "2", "3") else 1


def list_beyond_tier(aliases: Mapping[str, Sequence[str]], tier: int, endpoints: Iterable[Endpoint]) -> list[str]:
    """Of what was drawn by name, the inputs that a run up to `tier` leaves out."""
    tiers = {endpoint.input: endpoint.tier for endpoint in endpoints}
    drawn = dict.fromkeys(url for alias, inputs in aliases.items() if ":" not in alias for url in inputs)
    return [url for url in drawn if tiers.get(url, tier) > tier]


def _run(drawn: DrawnScenario, command: Sequence[str], *, level: str, pcap: Path | None, helpers: bool) -> int:
    from probe_lab.host.foreground import run_in_foreground
    from probe_lab.laboratory import Laboratory
    from probe_lab.scoring.trial import configuration, program_environment

    with Laboratory(drawn, level=level, helpers=helpers, pcap_dir=pcap) as laboratory:
        config = laboratory.directory / "probe.toml"
        config.write_text(configuration(drawn.world, helpers=helpers))
        return run_in_foreground(laboratory, command, env={**program_environment(), "PROBE_CONFIG": str(config)})
