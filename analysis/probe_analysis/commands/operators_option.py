"""`--operators`: names of networks' operators, from a table `asn,name` that somebody has. Bounded in bytes."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from probe.store.files.atomic import StoreError, translate_os_errors

F = TypeVar("F", bound=Callable[..., Any])
MAX_BYTES = 16 << 20
MAX_NAME = 80


def operators_option() -> Callable[[F], F]:
    """The option, as the parameter `operators: Path | None`."""
    return click.option("--operators", type=click.Path(exists=True, dir_okay=False, path_type=Path),
                        help="CSV file with lines `asn,name`: what the operators of networks are called.")


def read_operators(path: Path | None) -> dict[int, str]:
    """Number of a network -> name; none where no table is given. Raises StoreError for a file that is no such table."""
    if path is None:
        return {}
    with translate_os_errors(path), path.open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise StoreError(f"{path}: larger than {MAX_BYTES >> 20} MiB")
    names: dict[int, str] = {}
    try:
        for row in csv.reader(raw.decode("utf-8", "replace").splitlines()):
            number = row[0].strip().upper().removeprefix("AS") if len(row) > 1 else ""
            if number.isascii() and number.isdecimal() and len(number) <= 10:
                names[int(number)] = row[1].strip()[:MAX_NAME]
    except csv.Error as error:
        raise StoreError(f"{path}: {error}") from error
    if not names:
        raise StoreError(f"{path}: no line is a network's number and its name: AS25513,Example Telecom")
    return names
