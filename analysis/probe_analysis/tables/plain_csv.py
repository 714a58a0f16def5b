"""CSV files of pages and bundles, for which there is no table. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence


def make_plain_csv(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A file without a `Table`; texts of others are for the caller to neutralise (`encode`)."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(heads)
    writer.writerows(rows)
    return text.getvalue().encode()
