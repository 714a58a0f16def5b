"""The collector's records at the top of a data set: CSV files with a row for each name and network, replaced whole."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from probe.core.safe_files import open_regular
from probe.store.files.atomic import StoreError, translate_os_errors
from probe.store.files.listing import is_there

T = TypeVar("T")
NAME = re.compile(r"[A-Za-z0-9._:-]{1,128}", re.ASCII)
_MOST_BYTES = 256 << 20


def read_record_rows(path: Path, columns: Sequence[str], read_row: Callable[[Mapping[str, str]], T], *,
                     if_too_large: str) -> Iterator[T]:
    """What `read_row` makes of each row; none where the file is not there. `read_row` raises ValueError or TypeError
    for what is no row; `if_too_large` says what to do then. Raises StoreError for a file that is none."""
    if not is_there(path):
        return
    with translate_os_errors(path), open_regular(path) as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise StoreError(f"{path}: larger than {_MOST_BYTES >> 20} MB; {if_too_large}")
    text = content.decode("utf-8", errors="replace")
    rows = csv.DictReader(text.splitlines())
    try:
        if missing := [name for name in columns if name not in (rows.fieldnames or ())]:
            raise StoreError(f"{path}: lacks {', '.join(missing)}; its columns are {', '.join(columns)}")
        yield from map(read_row, rows)
    except (ValueError, TypeError, csv.Error) as error:
        raise StoreError(f"{path}, line {rows.line_num}: is no row of {', '.join(columns)}; mend it") from error
