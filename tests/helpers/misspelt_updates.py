"""Updates of frozen values, each with one field's name misspelt as `misspelt_words` misspells.

One of each class of `MODULES`, whose values are updated most, and of other classes of evidence until there are enough.
The draw is `random.Random(SEED)`'s.
"""

from __future__ import annotations

import random
from dataclasses import fields, is_dataclass
from importlib import import_module

from misspelt_words import ROOT, SEED, misspell

MODULES = ("probe.core.observations", "probe.core.observation_parts", "probe.core.verdicts",
           "probe.judge.path.path_evidence", "probe.judge.dns.name_context")
JUDGE = "probe/judge"
UPDATES = 30


def list_classes() -> list[type]:
    """The frozen values of those modules and of all evidence."""
    evidence = sorted(path.relative_to(ROOT) for room in (ROOT / JUDGE).iterdir() if room.name != "verdicts"
                      for path in room.glob("[a-z]*.py"))
    names = (*MODULES, *(".".join(path.with_suffix("").parts) for path in evidence))
    return [value for name in dict.fromkeys(names) for value in vars(import_module(name)).values()
            if isinstance(value, type) and is_dataclass(value) and value.__module__ == name
            and not value.__name__.startswith("_") and not getattr(value, "__parameters__", ())]


def write_updates() -> str:
    """A module of updates, for mypy: above each misspelt one, which ends in `# expect`, stands the same spelt well."""
    draw, classes = random.Random(SEED), list_classes()
    judged = [kind for kind in classes if kind.__module__ in MODULES]
    chosen = judged + draw.sample([kind for kind in classes if kind not in judged], UPDATES - len(judged))
    lines = ["from dataclasses import replace", *(f"import {name}" for name in dict.fromkeys(
        kind.__module__ for kind in chosen))]
    for number, kind in enumerate(chosen):
        known = frozenset(each.name for each in fields(kind))
        name = draw.choice(sorted(name for name in known if len(name) > 1))
        lines += [f"def update_{number}(value: {kind.__module__}.{kind.__name__}) -> None:",
                  f"    replace(value, {name}=value.{name})",
                  f"    replace(value, {misspell(name, known, draw)}=value.{name})  # expect"]
    return "\n".join(lines) + "\n"
