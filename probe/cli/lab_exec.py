"""`probe lab exec`: any program against a known censor."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from probe.cli.lab_common import LEVELS, catalogue, check_machine, load_scenario

EXEC_TIMEOUT_S = 86_400.0


@click.command("exec", context_settings={"ignore_unknown_options": True})
@click.argument("scenario")
@click.option("--seed", type=int, default=1, show_default=True, help="What is drawn: targets, addresses, delays.")
@click.option("--level", type=click.Choice(LEVELS), default="packet", show_default=True,
              help="socket: raw sockets are refused, as to an ordinary user.")
@click.option("--pcap", type=click.Path(file_okay=False, path_type=Path), help="Folder for captures of every wire.")
@click.option("--no-helper", is_flag=True, help="Leave the test helpers out.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def exec_(scenario: str, seed: int, level: str, pcap: Path | None, no_helper: bool, command: tuple[str, ...]) -> None:
    """Run any program on the client side of SCENARIO; its exit status becomes ours.

    What was drawn is written to standard error first: the targets, and who is censored how. $PROBE_CONFIG names a
    configuration with this world's helpers.

    \b
    Examples:
      probe lab exec clean -- curl -sv https://www.facebook.com/
      probe lab exec sni-gfw2 --seed 7 --pcap /tmp/wires -- probe run --fast
      probe lab exec dns-gfw-3 -- bash
    """
    from probe.lab.draw import draw
    from probe.lab.laboratory import LabFailed, Laboratory, LabUnavailable
    from probe.lab.toml_table import ScenarioError
    from probe.lab.trial import configuration, program_environment

    check_machine()
    try:
        drawn = draw(load_scenario(scenario), seed=seed, endpoints=catalogue().endpoints)
        if pcap is not None:
            pcap.mkdir(parents=True, exist_ok=True)
        click.echo(f"{drawn.name} (seed {seed}): {drawn.title}", err=True)
        for alias, inputs in drawn.aliases.items():
            if ":" not in alias:
                click.echo(f"  @{alias}: {' '.join(inputs)}", err=True)
        with Laboratory(drawn, level=level, helpers=not no_helper, pcap_dir=pcap) as laboratory:
            config = laboratory.directory / "probe.toml"
            config.write_text(configuration(drawn.world, helpers=not no_helper))
            done = laboratory.run(
                command, env={**program_environment(), "PROBE_CONFIG": str(config)}, timeout_s=EXEC_TIMEOUT_S,
                stdout=None, stderr=None,
            )
    except (ScenarioError, LabFailed, LabUnavailable) as error:
        raise click.ClickException(str(error)) from error
    # A program that a signal ended has a negative status; shells write 128 and the signal.
    sys.exit(done.returncode if done.returncode >= 0 else 128 - done.returncode)
