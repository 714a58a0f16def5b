"""`probe watch`: scheduled runs where there is neither cron nor systemd."""

from __future__ import annotations

import random
import subprocess
import sys
import time

import click


@click.command()
@click.option("--every-min", type=click.IntRange(15, 1440), default=60, show_default=True, help="Minutes between runs.")
@click.option("--config", type=click.Path(dir_okay=False), help="Configuration file, handed on to each run.")
@click.option("--once", is_flag=True, help="Make one run now and stop.")
def watch(every_min: int, config: str | None, once: bool) -> None:
    """Measure on a schedule until stopped. Each run is a process of its own, so that nothing piles up.

    \b
    Example:
      probe watch --every-min 60
    """
    import schedule

    command = [sys.executable, "-m", "probe", "run", "--timed", *(["--config", config] if config else [])]

    def measure() -> None:
        code = subprocess.run(command, check=False).returncode
        click.echo(f"run ended with status {code}", err=True)

    measure()
    if once:
        return
    jitter_s = random.SystemRandom().randint(0, 300)
    schedule.every(every_min * 60 - 150 + jitter_s).seconds.do(measure)
    while True:
        time.sleep(max(1.0, min(60.0, schedule.idle_seconds() or 60.0)))
        schedule.run_pending()
