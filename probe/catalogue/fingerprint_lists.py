"""Fingerprints that people fetch themselves: OONI's lists, the Citizen Lab's annotations, Censored Planet's
signatures, or our own TOML form.

None of these lists comes with the program. What a file holds is hostile until shown otherwise: files, lines and
patterns are bounded, expressions are never compiled (`probe.catalogue.patterns`), and a line that cannot be used is
reported while the rest is taken.

OONI blocking-fingerprints: CSV with a header line, columns name, scope, location_found (`dns`, `body`,
`header.<name>`), pattern_type (full, prefix, contains, regexp), pattern, expected_countries, confidence_no_fp; others
are passed over. Citizen Lab filtering-annotations: the same columns, but `response` alone for DNS; and for HTTP no
pattern_type, for a pattern is looked for anywhere, and `header` for a redirect's Location. Censored Planet: one
JSON object a line with `fingerprint` and `pattern`; a file whose name says `false_positive` holds pages that are none.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from probe.catalogue.fingerprints import Fingerprint, FingerprintKind, make_fingerprint, parse_fingerprint_table
from probe.catalogue.patterns import MAX_PATTERN, make_literal_pattern, parse_expression
from probe.catalogue.types import Problem

MAX_FILE_BYTES = 8_000_000
MAX_LINES = 50_000
MAX_TAKEN = 20_000
MAX_PROBLEMS = 100
_SCOPES = {"nat": "national", "isp": "isp", "prod": "product", "inst": "institution", "vbw": "vague", "fp": "fp",
           "corp": "institution", "gen": "vague"}
"""Words of those lists for scopes; any other is unknown."""
_COUNTRY = re.compile(r"\b[A-Z]{2}\b")
_NAME = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class FingerprintFile:
    """What one file gave, and the lines that it did not."""

    path: str
    taken: tuple[Fingerprint, ...] = ()
    problems: tuple[Problem, ...] = ()
    refused: int = 0
    """Lines that were not taken; more than `problems` where there were many."""


Line = tuple[int, Fingerprint | Problem]


def read_fingerprint_file(path: str | Path) -> FingerprintFile:
    """Read a file of any of the three forms. Raises OSError when it cannot be read."""
    file = Path(path)
    with file.open("rb") as handle:
        raw = handle.read(MAX_FILE_BYTES + 1)
    if len(raw) > MAX_FILE_BYTES:
        return _nothing(file, f"larger than {MAX_FILE_BYTES} bytes")
    return parse_fingerprints(str(file), raw.decode("utf-8", "replace"))


def parse_fingerprints(path: str, text: str) -> FingerprintFile:
    """Read a file's text; `path` tells its form by the end of its name. Total: whatever is wrong becomes a problem."""
    name = Path(path).name.lower()
    if name.endswith(".toml"):
        try:
            return FingerprintFile(path=path, taken=parse_fingerprint_table(text)[:MAX_TAKEN])
        except ValueError as error:
            return _nothing(Path(path), str(error))
    lines = _signatures(text, "fp" if "false_positive" in name else "") if name.endswith(".json") else _rows(text)
    taken: list[Fingerprint] = []
    problems: list[Problem] = []
    refused = 0
    for number, found in lines:
        if isinstance(found, Fingerprint) and len(taken) < MAX_TAKEN and number <= MAX_LINES:
            taken.append(found)
            continue
        refused += 1
        if len(problems) < MAX_PROBLEMS:
            problems.append(found if isinstance(found, Problem) else
                            Problem(line=number, column="file", reason="more lines than are taken"))
        if number > MAX_LINES:
            break
    return FingerprintFile(path=path, taken=tuple(taken), problems=tuple(problems), refused=refused)


def _nothing(file: Path, reason: str) -> FingerprintFile:
    return FingerprintFile(path=str(file), problems=(Problem(line=0, column="file", reason=reason[:300]),), refused=1)


def _line(number: int, column: str, make: Callable[[], Fingerprint]) -> Line:
    try:
        return number, make()
    except ValueError as error:
        return number, Problem(line=number, column=column, reason=str(error)[:200])


# ---- OONI blocking-fingerprints, Citizen Lab filtering-annotations

_FORMS = (
    frozenset(("name", "scope", "location_found", "pattern_type", "pattern")),
    frozenset(("name", "scope", "location_found", "pattern")),
    frozenset(("name", "scope", "response")),
)
"""Columns that tell the forms, the fullest first: OONI's, then the annotations' for HTTP and for DNS."""

def _rows(text: str) -> Iterator[Line]:
    reader = csv.DictReader(io.StringIO(text))
    try:
        header = set(reader.fieldnames or ())
    except csv.Error as error:
        yield 1, Problem(line=1, column="header", reason=str(error))
        return
    form = next((number for number, columns in enumerate(_FORMS) if columns <= header), None)
    if form is None:
        missing = _FORMS[0] - header
        yield 1, Problem(line=1, column="header", reason=f"no column {min(missing)}: is this a list of fingerprints?")
        return
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield reader.line_num, Problem(line=reader.line_num, column="line", reason=str(error))
            continue
        cells = {key: value for key, value in row.items() if isinstance(key, str) and isinstance(value, str)}
        if form:
            cells = _of_annotation(cells)
        yield _line(reader.line_num, "pattern", lambda cells=cells, form=form: _of_row(  # type: ignore[misc]
            cells, *(("citizenlab", "Citizen Lab annotations") if form else ("ooni", "OONI blocking-fingerprints"))))


def _of_annotation(cells: dict[str, str]) -> dict[str, str]:
    """A row of the annotations in the words of OONI's."""
    if "response" in cells:
        return {**cells, "location_found": "dns", "pattern_type": "full", "pattern": cells["response"]}
    where = cells.get("location_found", "")
    return {**cells, "location_found": "header.location" if where == "header" else where, "pattern_type": "contains"}


def _of_row(cells: dict[str, str], list_name: str, source: str) -> Fingerprint:
    where, form, text = cells.get("location_found", ""), cells.get("pattern_type", ""), cells.get("pattern", "")
    kind, header = _place(where)
    if form not in ("full", "prefix", "contains", "regexp"):
        raise ValueError(f"unknown pattern_type {form[:40]!r}")
    if kind == "address" and form != "full":
        raise ValueError("a DNS answer is compared as a whole")
    if len(text) > 2 * MAX_PATTERN:
        raise ValueError(f"longer than {MAX_PATTERN} characters")
    pattern = None
    if kind != "address":
        pattern = parse_expression(text) if form == "regexp" else make_literal_pattern(text, match=form)
    elif not re.fullmatch(r"[0-9.]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*", text.strip()):
        kind = "cname"
    return make_fingerprint(
        name=_named(list_name, cells.get("name", "")), kind=kind, text=f"{header}: {text}" if header else text,
        scope=_SCOPES.get(cells.get("scope", "").strip().lower(), "unknown"), pattern=pattern,
        countries=tuple(_COUNTRY.findall(cells.get("expected_countries", "")))[:250],
        source=f"{source} {cells.get('source', '')}"[:120],
        confidence={"10": "high", "9": "high", "8": "high"}.get(cells.get("confidence_no_fp", "").strip(), "medium"),
    )


def _place(where: str) -> tuple[FingerprintKind, str]:
    """(kind, header name) of a `location_found`; raises ValueError for a place that is not looked at."""
    if where == "dns":
        return "address", ""
    if where == "body":
        return "body", ""
    if where == "header.location":
        return "redirect_prefix", ""
    if where.startswith("header.") and len(where) > len("header."):
        return "header", where.removeprefix("header.").lower()
    raise ValueError(f"unknown location_found {where[:40]!r}")


# ---- Censored Planet

def _signatures(text: str, scope: str) -> Iterator[Line]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield _line(number, "pattern", lambda line=line: _of_signature(line, scope))  # type: ignore[misc]


def _of_signature(line: str, scope: str) -> Fingerprint:
    if len(line) > 8 * MAX_PATTERN:
        raise ValueError("the line is too long")
    try:
        found = json.loads(line)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(found, dict) or not all(isinstance(found.get(key), str) for key in ("fingerprint", "pattern")):
        raise ValueError("no object with the texts fingerprint and pattern")
    name, text = str(found["fingerprint"]), str(found["pattern"])
    words = name.lower().split("_")
    kind: FingerprintKind = "body"
    header = ""
    for prefix, place in (("Location: ", ""), ("Server: ", "server")):
        if text.startswith(prefix):
            kind, header = ("header", place) if place else ("redirect_prefix", "")
            text = text.removeprefix(prefix)
    pattern = parse_expression(("^" if kind != "body" and not text.startswith("^") else "") + text)
    country = words[2].upper() if len(words) > 2 and re.fullmatch(r"[a-z]{2}", words[2]) else ""
    return make_fingerprint(
        name=_named("censoredplanet", name), kind=kind, text=f"{header}: {text}" if header else text,
        scope=scope or (_SCOPES.get(words[1], "unknown") if len(words) > 1 else "unknown"), pattern=pattern,
        countries=(country,) if country else (), source="Censored Planet signatures", confidence="medium",
    )


def _named(list_name: str, name: str) -> str:
    return f"{list_name}:{_NAME.sub('_', name)[:80] or 'unnamed'}"
