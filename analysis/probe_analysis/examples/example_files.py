"""The example data: packed results folders, and a file of OONI measurements. All of it was made in the laboratory."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path
from types import MappingProxyType
from typing import Literal, get_args

from probe.store.files.atomic import StoreError, translate_os_errors

ExampleName = Literal["may-2017", "telegram-partial", "national-block"]
EXAMPLES: tuple[ExampleName, ...] = get_args(ExampleName)
EXAMPLES_FOLDER = files("probe_analysis.examples")
OONI_FILE = "ooni-measurements.jsonl.gz"
"""Three made-up days in OONI's format (`tools/example_data.py`)."""
OONI_EXAMPLE = "ooni-measurements"
MEANINGS: Mapping[str, str] = MappingProxyType({
    "may-2017": "WeChat is blocked in Russia for a week",
    "telegram-partial": "a part of Telegram is blocked",
    "national-block": "a service is blocked in several networks of a country, and in another country not",
    OONI_EXAMPLE: "three made-up days of OONI's tests of Telegram, Signal and a page, for `probe import ooni`",
})
"""Everything that can be copied, and what it shows."""


def unpack_example(name: str, folder: Path) -> None:
    """Puts an example's results folder into an empty folder. Raises StoreError for a name that is none."""
    if name not in EXAMPLES:
        raise StoreError(f"there is no example {name}; there are {', '.join(EXAMPLES)}")
    with as_file(EXAMPLES_FOLDER / f"{name}.zip") as path, translate_os_errors(folder), zipfile.ZipFile(path) as packed:
        packed.extractall(folder)


def copy_ooni_example(folder: Path) -> Path:
    """Writes the file of OONI measurements to a folder; returns where it is. Raises StoreError."""
    made = folder / OONI_FILE
    with translate_os_errors(made):
        made.write_bytes((EXAMPLES_FOLDER / OONI_FILE).read_bytes())
    return made


def pack_example(folder: Path, packed: Path) -> None:
    """Packs a results folder; the same files give the same bytes."""
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_LZMA) as file:
        for path in sorted(folder.rglob("*.*")):
            if path.is_file() and not path.name.startswith("."):
                named = zipfile.ZipInfo(path.relative_to(folder).as_posix())
                named.compress_type = zipfile.ZIP_LZMA
                file.writestr(named, path.read_bytes())
