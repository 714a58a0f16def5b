"""OONI Run descriptors (v2) as lists of one's own: JSON that names tests and their inputs. Pure.

Taken: `nettests[]` with `test_name`, `inputs[]` (may be null) and `inputs_extra[]`, one object for each input, of which
`category_code` is read. Name, author, icon, options and what tells an app how to run are passed over. A test that we
have no counterpart for is a problem, not a gap: who was asked to measure it would think that it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from probe.catalogue.test_lists import ListRows
from probe.catalogue.types import Problem
from probe.core.endpoints import Endpoint

MAX_TESTS = 100
MAX_INPUTS = 20_000
WEB = frozenset(("web_connectivity", "urlgetter"))
"""Tests whose inputs are pages to us."""
MESSENGERS = {"whatsapp": "whatsapp", "telegram": "telegram", "signal": "signal", "facebook_messenger": "messenger"}
"""OONI's tests that have no inputs -> the service of our catalogue that they are about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DescriptorResult:
    """What a descriptor asks for."""

    endpoints: tuple[Endpoint, ...] = ()
    services: tuple[str, ...] = ()
    """Services of the catalogue whose targets are to be measured as well."""
    problems: tuple[Problem, ...] = ()


def is_descriptor(text: str) -> bool:
    """Whether a file can only be meant as JSON."""
    return text.lstrip().startswith("{")


def read_descriptor(text: str) -> DescriptorResult:
    """Read a descriptor. Total: whatever is wrong becomes a problem, by its line."""
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        return _nothing(error.lineno, f"is no JSON: {error.msg}")
    except (ValueError, RecursionError):
        return _nothing(1, "is no JSON that can be read: too deep, or a number too long")
    tests = found.get("nettests") if isinstance(found, dict) else None
    if not isinstance(tests, list) or not tests:
        return _nothing(1, "is no OONI Run descriptor: it has no nettests")
    if len(tests) > MAX_TESTS:
        return _nothing(1, f"has more than {MAX_TESTS} nettests")
    rows, services = ListRows(), dict[str, None]()
    for number, test in enumerate(tests, 1):
        name = test.get("test_name") if isinstance(test, dict) else None
        if isinstance(name, str) and name in MESSENGERS:
            services[MESSENGERS[name]] = None
            continue
        for reason, what in _take(rows, test if isinstance(test, dict) else {}, text):
            rows.problems.append(Problem(line=_line(text, what), column="nettests", reason=f"number {number} {reason}"))
    return DescriptorResult(endpoints=tuple(rows.found.values()), services=tuple(services),
                            problems=tuple(rows.problems))


def _take(rows: ListRows, test: dict[str, object], text: str) -> Iterator[tuple[str, str]]:
    """Add a test's inputs; (what is wrong with it, the text where it stands)."""
    name, inputs = test.get("test_name"), test.get("inputs")
    if not isinstance(name, str):
        yield "has no test_name", "nettests"
    elif name not in WEB:
        yield f"({name[:40]!r}) is no measurement of ours: take it out of the file", name
    elif not inputs and test.get("targets_name"):
        yield "has no inputs but a targets_name: that list is known to OONI's server alone", str(test["targets_name"])
    elif not isinstance(inputs, list) or not inputs:
        yield f"({name}) has no inputs", name
    elif len(inputs) > MAX_INPUTS:
        yield f"has more than {MAX_INPUTS} inputs", name
    else:
        extra = test.get("inputs_extra")
        more = extra if isinstance(extra, list) else []
        for index, url in enumerate(inputs):
            if not isinstance(url, str):
                yield f"has an input that is no text: {str(url)[:40]!r}", name
                continue
            details = more[index] if index < len(more) else None
            code = details.get("category_code") if isinstance(details, dict) else ""
            rows.add(url.strip(), partial(_line, text, url), category_code=code if isinstance(code, str) else "")


def _line(text: str, what: str) -> int:
    """The line on which a string first stands, as JSON writes it; 1 where it was escaped in another way."""
    at = text.find(json.dumps(what, ensure_ascii=False)[1:-1])
    return text.count("\n", 0, max(at, 0)) + 1


def _nothing(line: int, reason: str) -> DescriptorResult:
    return DescriptorResult(problems=(Problem(line=line, column="file", reason=reason),))
