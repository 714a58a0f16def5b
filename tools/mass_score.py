"""Score K of N blocked services, and innocent causes: `python tools/mass_score.py [--seeds 3] [--trials 200]`."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import TYPE_CHECKING

from probe_lab.fleet.mass_score import SERVICES, STRENGTHS, score_blocks, score_innocent, share_named
from probe_lab.fleet.mass_world import INNOCENTS

if TYPE_CHECKING:
    from probe_lab.fleet.mass_score import MassCell


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=200, help="of each innocent cause")
    parser.add_argument("--every", type=int, default=1, help="leave out numbers of blocked services between")
    parser.add_argument("--services", type=int, nargs="*", default=list(SERVICES))
    parser.add_argument("--counts", action="store_true", help="counts of others: no witnesses, controls or causes")
    given = parser.parse_args()
    cells = score_blocks(range(given.seeds), services=given.services, every=given.every, witnessed=not given.counts)
    _print_blocks(cells)
    for word, meaning in INNOCENTS.items():
        if given.trials:
            verdicts = score_innocent(word, range(given.trials), witnessed=not given.counts)
            false = Counter(text for verdict in verdicts for text in verdict.false)
            vanished = sum(verdict.vanished > 0 for verdict in verdicts)
            print(f"{word:9} trials {len(verdicts):3}  with a false service event "
                  f"{sum(bool(verdict.false) for verdict in verdicts):3}  vanished {vanished:3}  "
                  f"{dict(false) or ''}  ({meaning})", flush=True)


def _print_blocks(cells: list[MassCell]) -> None:
    for strength in STRENGTHS:
        for low in (True, False):
            mine = [cell for cell in cells if cell.strength == strength
                    and (cell.struck <= cell.size.services - 2) is low]
            share = share_named(mine)
            trials = [trial for cell in mine for trial in cell.trials]
            print(f"strength {strength}, {'K up to N-2' if low else 'K above N-2'}: named "
                  f"{'-' if share is None else f'{share:.1%}'} of {len(trials)}, "
                  f"vanished {sum(trial.vanished > 0 for trial in trials)}, "
                  f"{dict(Counter(trial.status for trial in trials if trial.named))}")
    for cell in cells:
        named = sum(trial.named for trial in cell.trials)
        if named < len(cell.trials) and cell.struck <= cell.size.services - 2:
            print(f"  missed {len(cell.trials) - named} of {len(cell.trials)}: {cell.struck} of {cell.size.services}, "
                  f"{cell.size.networks} networks, strength {cell.strength}")


if __name__ == "__main__":
    main()
