"""A row of targets.csv becomes an endpoint, or the list of what is wrong with it. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date
from functools import lru_cache

from probe.catalogue.endpoint_urls import BadUrlError, UrlParts, parse_endpoint_url
from probe.catalogue.linear_search import compile_pattern
from probe.catalogue.types import Problem
from probe.core.endpoints import Endpoint, Expectation
from probe.core.tables.protocols import PROTOCOLS, SCHEMES, EndpointStatus
from probe.core.tables.roles import ROLES
from probe.core.tables.trust import TRUSTS
from probe.core.tables.words import read_word

COLUMNS = (
    "target_id", "service", "role", "tier", "status", "input", "protocol", "host", "port", "address", "sni", "alpn",
    "trust", "expect_status", "expect_body", "expect_header", "expect_location", "expect_json", "expect_reply",
    "expect_network", "category_code", "date_added", "source", "confidence", "notes",
)
MAX_CELL_CHARACTERS = 2000
MAX_PATTERN_CHARACTERS = 200
STATUSES: tuple[EndpointStatus, ...] = ("active", "unproven", "dead")
"""active: answers as described. unproven: not known to be the service's. dead: closed by its operator."""
TIERS = ("0", "1", "2", "3")
CONFIDENCES = ("high", "medium", "low")
_TARGET_ID = re.compile(r"[a-z0-9_]+\.[a-z]+\.[a-z0-9][a-z0-9_-]*\Z")
_STATUS_CODE = re.compile(r"any|closed|NXDOMAIN|[1-5]xx|[1-9]\d\d")
_JSON = re.compile(r"(?:\[\d{1,4}\]|[^.\[\]=]+)(?:\.[^.\[\]=]+|\[\d{1,4}\])*(?:=.+)?")
_HEADER = re.compile(r"[a-z0-9-]+", re.IGNORECASE)
_MARK = re.compile(r"<(?:nonce|txid|seq|opcode|id4|counter4)>")
_LONGEST_MARK = "0" * 64
"""What stands for a mark while a pattern is checked: no mark is longer."""
_ASN = re.compile(r"AS[1-9]\d{0,9}")
_CATEGORY = re.compile(r"[A-Z]{3,5}")


def parse_target_row(cells: Mapping[str, str], *, line: int, self_block: str) -> Endpoint | tuple[Problem, ...]:
    """The endpoint that a row describes; `self_block` is its service's. Blank host, port and sni follow the URL."""
    problems = [Problem(line=line, column=column, reason=reason) for column, reason in _problems(cells)]
    if problems:
        return tuple(problems)
    where = parse_endpoint_url(cells["input"])
    return Endpoint(
        target_id=cells["target_id"],
        service=cells["service"],
        role=read_word(cells["role"], ROLES),
        tier=int(cells["tier"]),
        input=cells["input"],
        protocol=read_word(cells["protocol"], PROTOCOLS) if cells["protocol"] else SCHEMES[where.scheme][0],
        host=where.host,
        port=where.port,
        address=where.address,
        sni=cells["sni"] or (where.host if _speaks_tls_first(where) else ""),
        alpn=tuple(cells["alpn"].split()),
        trust=read_word(cells["trust"], TRUSTS) if cells["trust"]
        else ("web_pki" if _speaks_tls_first(where) else "none"), expect=Expectation(
            status=_alternatives(cells["expect_status"]),
            body=_alternatives(cells["expect_body"]),
            header=cells["expect_header"],
            location=cells["expect_location"],
            json=cells["expect_json"],
            reply=cells["expect_reply"],
        ),
        status=read_word(cells["status"], STATUSES),
        self_block=self_block,
        category_code=cells["category_code"],
        notes=cells["notes"],
    )


def _problems(cells: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for column, cell in cells.items():
        if len(cell) > MAX_CELL_CHARACTERS or not cell.isprintable():
            yield column, f"longer than {MAX_CELL_CHARACTERS} characters, or a line break or control character in it"
    for column, check in _CHECKS.items():
        if reason := check(cells[column]):
            yield column, reason
    yield from _identity_problems(cells)
    try:
        where = parse_endpoint_url(cells["input"])
    except BadUrlError as error:
        yield "input", str(error)
    else:
        yield from _place_problems(cells, where)


def _identity_problems(cells: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    parts = cells["target_id"].split(".")
    if not _TARGET_ID.match(cells["target_id"]):
        yield "target_id", f"{cells['target_id']!r} is not service.role.label in lower case"
    elif parts[:2] != [cells["service"], cells["role"]]:
        yield "target_id", f"does not begin with {cells['service']}.{cells['role']}."


def _place_problems(cells: Mapping[str, str], where: UrlParts) -> Iterator[tuple[str, str]]:
    if cells["protocol"] and cells["protocol"] in PROTOCOLS and cells["protocol"] not in SCHEMES[where.scheme]:
        yield "protocol", f"{cells['protocol']} is not written {where.scheme}://"
    if cells["host"] and cells["host"].lower() != where.host:
        yield "host", f"differs from the host of the input, {where.host}"
    if cells["port"] and cells["port"] != str(where.port):
        yield "port", f"differs from the port of the input, {where.port}"
    if cells["address"] and cells["address"] != where.address:
        yield "address", "is given only when the host of the input is that address"
    tls = where.scheme in ("https", "tlshandshake")
    if cells["trust"] and ((tls and cells["trust"] == "none") or (where.scheme == "http" and cells["trust"] != "none")):
        yield "trust", f"{cells['trust']} does not suit {where.scheme}://"


def _speaks_tls_first(where: UrlParts) -> bool:
    return where.scheme in ("https", "wss", "tlshandshake", "mqtts", "quichandshake")


def _alternatives(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in cell.split("|") if part.strip())


def _one_of(words: Collection[str], *, blank: bool = False) -> Callable[[str], str]:
    def check(cell: str) -> str:
        if cell in words or (blank and not cell):
            return ""
        return f"{cell!r} is not one of {', '.join(words)}"

    return check


def _shape(pattern: re.Pattern[str], meaning: str, *, separator: str | None = None) -> Callable[[str], str]:
    def check(cell: str) -> str:
        parts = cell.split(separator) if separator else [cell] if cell else []
        bad = [part for part in parts if cell and not pattern.fullmatch(part.strip())]
        return f"{bad[0]!r} is not {meaning}" if bad else ""

    return check


def _port(cell: str) -> str:
    fits = not cell or (cell.isascii() and cell.isdigit() and int(cell[:6]) <= 65535)
    return "" if fits else f"{cell!r} is not a port"


@lru_cache(maxsize=256)
def _reply(cell: str) -> str:
    kind, _, value = cell.partition(":")
    if not cell or (kind == "len" and value.isdigit()) or (kind == "ca_sha256" and len(value) == 44):
        return ""
    if kind not in ("hex", "text") or len(value) > MAX_PATTERN_CHARACTERS:
        return "is none of hex:PATTERN, text:PATTERN, len:BYTES, ca_sha256:BASE64"
    try:
        compile_pattern(_MARK.sub(_LONGEST_MARK, value) if kind == "hex" else value)
    except ValueError as error:
        return f"bad pattern: {error}"
    return ""


@lru_cache(maxsize=256)
def _network(cell: str) -> str:
    for word in cell.split():
        if not _ASN.fullmatch(word):
            try:
                ipaddress.ip_network(word)
            except ValueError:
                return f"{word!r} is neither AS<number> nor a network"
    return ""


def _date(cell: str) -> str:
    if cell:
        try:
            date.fromisoformat(cell)
        except ValueError:
            return f"{cell!r} is not a date, YYYY-MM-DD"
    return ""


_CHECKS: dict[str, Callable[[str], str]] = {
    "role": _one_of(ROLES),
    "tier": _one_of(TIERS),
    "status": _one_of(STATUSES),
    "protocol": _one_of(PROTOCOLS, blank=True),
    "port": _port,
    "trust": _one_of(TRUSTS, blank=True),
    "expect_status": _shape(_STATUS_CODE, "a status, a class such as 4xx, any, or for controls closed or NXDOMAIN",
                            separator="|"),
    "expect_header": _shape(_HEADER, "the name of a header"),
    "expect_json": _shape(_JSON, "a path such as a.b[0].c, or path=value"),
    "expect_reply": _reply,
    "expect_network": _network,
    "category_code": _shape(_CATEGORY, "a category code"),
    "date_added": _date,
    "confidence": _one_of(CONFIDENCES, blank=True),
}
"""What each column may hold; the columns that are not named are free text or follow the URL."""
