"""Fingerprints from files that a person fetched: read, reported on, and used in this run."""

from __future__ import annotations

from pathlib import Path

import click

from probe.catalogue.fingerprint_lists import FingerprintFile, read_fingerprint_file
from probe.catalogue.fingerprints import load_own_fingerprints
from probe.catalogue.types import Problem
from probe.config.settings import Settings
from probe.core.counted_words import choose_word, count_things
from probe.core.translation import say

MAX_SHOWN = 5
"""Refused lines that are shown of each file; `probe doctor` counts them all."""


def read_configured_files(settings: Settings) -> tuple[bool, tuple[FingerprintFile, ...]]:
    """(every file could be used, what each of the configured files gave)."""
    found, ok = [], True
    for name in settings.fingerprints.files:
        file = Path(name).expanduser()
        if not file.is_absolute() and settings.path:
            file = Path(settings.path).parent / file
        try:
            found.append(read_fingerprint_file(file))
        except OSError as error:
            problem = Problem(line=0, column="file", reason=f"cannot be read: {error.strerror}")
            found.append(FingerprintFile(path=str(file), problems=(problem,), refused=1))
        ok = ok and bool(found[-1].taken)
    return ok, tuple(found)


def describe_fingerprints(files: tuple[FingerprintFile, ...]) -> str:
    """How many are known, of which file, and what was refused."""
    parts = [say("packaged ones: {n}", n=len(load_own_fingerprints()))]
    for file in files:
        parts.append(say("from {path}: {n}", path=file.path, n=len(file.taken)))
        if file.problems:
            parts[-1] += say(", refused: {n}, the first: {problem}", n=file.refused,
                             problem=_describe_problem(file, file.problems[0]))
    return "; ".join(parts)


def add_configured_fingerprints(settings: Settings) -> None:
    """Look for the configured fingerprints in this run; what cannot be used is reported on standard error."""
    from probe.instruments.fingerprint_match import add_fingerprints

    _, files = read_configured_files(settings)
    for file in files:
        for problem in file.problems[:MAX_SHOWN]:
            click.echo(f"Fingerprint not used: {_describe_problem(file, problem)}", err=True)
        if file.refused > MAX_SHOWN:
            click.echo(f"{file.path}: {count_things(file.refused, 'line')} "
                       f"{choose_word(file.refused, 'was', 'were')} not used in all.", err=True)
    add_fingerprints(fingerprint for file in files for fingerprint in file.taken)


def _describe_problem(file: FingerprintFile, problem: Problem) -> str:
    return f"{file.path}:{problem.line}: {problem.column}: {problem.reason}"
