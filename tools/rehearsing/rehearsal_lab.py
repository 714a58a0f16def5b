"""Volunteers of the laboratory: real runs behind real censors, sent to the operator of a rehearsal."""

from __future__ import annotations

import subprocess
import sys

from probe.store.runs.run_reader import stored_runs
from probe.upkeep.upload.parcel import pack_run
from rehearsing.rehearsal_story import RehearsalError, Story
from rehearsing.rehearsal_volunteers import open_inbox_sender, send

SCENARIOS = ("clean", "sni-gfw2", "dns-gfw-3", "sni-tspu4", "clean")
_RUN_S = 600


def send_laboratory_runs(story: Story, count: int) -> None:
    """Make so many runs, each in a world of its own, and send them. Raises RehearsalError."""
    for number, scenario in enumerate(SCENARIOS[:count]):
        results = story.world.home / f"laboratory-{number}"
        done = subprocess.run([sys.executable, "-m", "probe", "lab", "exec", "--seed", str(number + 1), scenario, "--",
                               sys.executable, "-m", "probe", "run", "--fast", "--results", str(results)],
                              capture_output=True, text=True, timeout=_RUN_S, check=False)
        runs = tuple(stored_runs(results)) if results.exists() else ()
        if not runs:
            raise RehearsalError(f"the laboratory's {scenario} made no run: {done.stderr[-300:]}")
        sender = open_inbox_sender(f"{story.world.url}/inbox", *story.world.login)
        for run in runs:
            parcel = pack_run(results, run.measurement_start_time[:10], run.run_id)
            send(sender, parcel.name, parcel.content)
            story.sent.add(run.run_id)
        story.tell(f"A volunteer of the laboratory ({scenario}) sent {len(runs)} runs.")
