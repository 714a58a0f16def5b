"""Writing a list of targets in the shape of the Citizen Lab's test lists. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import date

from probe.catalogue.test_lists import LIST_COLUMNS
from probe.core.endpoints import Endpoint

CATEGORIES = {
    "ALDR": "Alcohol & Drugs", "REL": "Religion", "PORN": "Pornography", "PROV": "Provocative Attire",
    "POLR": "Political Criticism", "HUMR": "Human Rights Issues", "ENV": "Environment",
    "MILX": "Terrorism and Militants", "HATE": "Hate Speech", "NEWS": "News Media", "XED": "Sex Education",
    "PUBH": "Public Health", "GMB": "Gambling", "ANON": "Anonymization and circumvention tools",
    "DATE": "Online Dating", "GRP": "Social Networking", "LGBT": "LGBT", "FILE": "File-sharing",
    "HACK": "Hacking Tools", "COMT": "Communication Tools", "MMED": "Media sharing",
    "HOST": "Hosting and Blogging Platforms", "SRCH": "Search Engines", "GAME": "Gaming", "CULTR": "Culture",
    "ECON": "Economics", "GOVT": "Government", "COMM": "E-commerce", "CTRL": "Control content",
    "IGO": "Intergovernmental Organizations", "MISC": "Miscelaneous content",
}
"""The codes of the lists and what they call them, to the letter."""


def write_test_list(endpoints: Iterable[Endpoint], *, today: date, source: str) -> tuple[str, int]:
    """The list, and how many endpoints have no place in it: it names pages alone, each once. The dates are `today`'s,
    for a date in such a list is that of its own."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(LIST_COLUMNS)
    written, left_out = set[str](), 0
    for endpoint in endpoints:
        if not endpoint.input.startswith(("http://", "https://")) or "{" in endpoint.input:
            left_out += 1
        elif endpoint.input not in written:
            written.add(endpoint.input)
            code = endpoint.category_code or "MISC"
            writer.writerow((endpoint.input, code, CATEGORIES.get(code, ""), today.isoformat(), source, endpoint.notes))
    return out.getvalue(), left_out
