"""Rehearses six days of an operator's services in a minute or two: `python tools/rehearsal.py`.

Starts what `probe operate init` writes on loopback: inbox (nginx), helper, lists, collection, analysis, site, alerts.
Simulated volunteers upload six days; a service is blocked; one volunteer is hostile, one falls silent; the helper falls
over, the disk fills, a key is rotated, a service is stopped. Exit status 1 where anything is not as it must be. Nothing
leaves the machine. `--laboratory 5`: five volunteers of the laboratory as well, whose runs are real ones behind real
censors, some minutes. `--full`: 100 volunteers each hour, and these five; eleven minutes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from rehearsing.rehearsal_lab import SCENARIOS, send_laboratory_runs  # noqa: E402
from rehearsing.rehearsal_services import FULL_STATE_MB, NGINX, STATE_MB, OperatorWorld  # noqa: E402
from rehearsing.rehearsal_story import RehearsalError, Story, play  # noqa: E402
from rehearsing.rehearsal_volunteers import SimulatedVolunteer  # noqa: E402


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("--full", action="store_true", help="100 volunteers each hour and five of the laboratory")
    parser.add_argument("--laboratory", type=int, choices=range(len(SCENARIOS) + 1), default=0, metavar="COUNT",
                        help="so many volunteers of the laboratory beside the simulated ones")
    chosen = parser.parse_args()
    full, laboratory = chosen.full, len(SCENARIOS) if chosen.full else chosen.laboratory
    if not NGINX:
        sys.exit("nginx is needed: apt install nginx-light")
    began = time.monotonic()

    def tell(line: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {line}", flush=True)

    state_mb = FULL_STATE_MB if full else STATE_MB
    with (tempfile.TemporaryDirectory(prefix="rehearsal-") as home,
          OperatorWorld(Path(home), state_mb=state_mb) as world):
        story = Story(world=world, tell=tell, every_h=1 if full else 12,
                      volunteers=tuple(map(_volunteer, range(100 if full else 50))))
        try:
            play(story, lambda here: send_laboratory_runs(here, laboratory))
        except (RehearsalError, RuntimeError) as error:
            tell(f"WRONG: {error}")
            return 1
    tell("All is as it must be.")
    return 0


def _volunteer(number: int) -> SimulatedVolunteer:
    return SimulatedVolunteer(number=number)


if __name__ == "__main__":
    sys.exit(main())
