"""How fast the probe is, beside what it promises: `python tools/bench.py [--only NAME] [--json]`.

Every figure that has a target is printed with it. A figure is a median, a ratio or a worst case, never one lucky
time. What needs a laboratory is left out, with the reason, where the machine cannot make one.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import asdict

from benchmark import SUBJECTS, Subject
from benchmark.figure import Figure, lines_of
from probe_lab.laboratory import explain_unavailable


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit status is 1 when a measurement broke, not when a target was missed."""
    options = _options(arguments)
    no_laboratory = explain_unavailable()
    load_before = os.getloadavg()[0]
    everything: dict[str, list[Figure]] = {}
    problems: dict[str, str] = {}
    for name in options.only or SUBJECTS:
        subject = SUBJECTS[name]
        if subject.needs_laboratory and no_laboratory:
            problems[name] = f"left out, this machine makes no laboratory: {no_laboratory}"
        else:
            _measure(name, subject, everything, problems)
        if not options.json:
            _print_one(name, subject, everything.get(name, []), problems.get(name, ""))
    broken = any(not text.startswith("left out") for text in problems.values())
    if options.json:
        print(json.dumps({"load": [load_before, os.getloadavg()[0]], "problems": problems,
                          "figures": {name: [asdict(f) for f in found] for name, found in everything.items()}}))
    else:
        print(f"{os.cpu_count()} processors; load {load_before:.1f} before, {os.getloadavg()[0]:.1f} after: "
              "what others do on the machine shows in every time.")
    return 1 if broken else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How fast the probe is, beside what it promises.")
    parser.add_argument("--only", action="append", choices=tuple(SUBJECTS), help="measure only this; repeat")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args(arguments)


def _measure(name: str, subject: Subject, everything: dict[str, list[Figure]], problems: dict[str, str]) -> None:
    print(f"{name}: {subject.title} ...", file=sys.stderr, flush=True)
    try:
        everything[name] = subject.measure()
    except Exception as error:  # one broken measurement must not cost the others
        traceback.print_exc()
        problems[name] = f"broke: {error}"


def _print_one(name: str, subject: Subject, figures: Sequence[Figure], problem: str) -> None:
    print(f"{name}: {subject.title}")
    for line in (*lines_of(figures), *filter(None, (problem,))):
        print(f"  {line}")
    print(flush=True)


if __name__ == "__main__":
    sys.exit(main())
