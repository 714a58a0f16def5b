"""Lists of one's own: the test lists of the Citizen Lab, or a plain list of web addresses. Pure.

OONI Run descriptors are read in `run_descriptor`; `written` writes a test list.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

from probe.catalogue.endpoint_urls import BadUrlError, parse_endpoint_url
from probe.catalogue.row_limits import RowCounts
from probe.catalogue.types import Problem
from probe.core.endpoints import Endpoint

LIST_COLUMNS = ("url", "category_code", "category_description", "date_added", "source", "notes")
"""The header of a test list; only the first two columns are needed."""
SERVICE, TIER = "list", 1
ROLE: Final = "web"
MAX_SLUG_CHARACTERS = 60
_BARE_HOST = re.compile(r"[^\s,;:/?#@\"']{1,240}\.[^\s,;:/?#@\"'.]{2,63}(?::\d{1,5})?(?:/\S{0,1500})?")
_URL_MARKS = "/%:=&?~+!$'()*,;@-._"


def is_test_list(header: list[str]) -> bool:
    """Whether a first row is the header of a test list."""
    names = [name.strip().lower() for name in header]
    return names[:1] == ["url"] and "category_code" in names


def is_plain_list(text: str) -> bool:
    """Whether the first line that says anything is a web address or a host, or could only be meant as one."""
    first = next((line for _, line in _meaningful(text)), "")
    return first.lower().startswith(("http://", "https://")) or bool(_BARE_HOST.fullmatch(first))


def complete_address(text: str) -> str:
    """The URL that a line of a list means: a bare host is one of `https://`, a name or place in other letters is
    written in ASCII (RFC 5890, RFC 3986). What cannot be so written stays as it is, for the parser to refuse."""
    bare = bool(_BARE_HOST.fullmatch(text))
    if text.isascii() and not bare:
        return text
    url = f"https://{text}" if bare else text
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode() if not (parts.hostname or "").isascii() else parts.netloc
        port = f":{parts.port}" if parts.port and host != parts.netloc else ""
    except (ValueError, UnicodeError):
        return text
    path, query = quote(parts.path, safe=_URL_MARKS), quote(parts.query, safe=_URL_MARKS)
    return urlunsplit((parts.scheme, f"{host}{port}", path or ("/" if url != text else ""), query, parts.fragment))


def read_test_list(text: str) -> tuple[list[Endpoint], list[Problem]]:
    """The endpoints of a test list, in order, each URL once, and what is wrong with the rows that gave none."""
    rows = ListRows()
    reader = csv.DictReader(text.splitlines(keepends=True), strict=True)
    reader.fieldnames = [name.strip().lower() for name in reader.fieldnames or ()]
    for row in reader:
        url = complete_address((row["url"] or "").strip())
        if url:
            rows.add(url, lambda: reader.line_num, category_code=row.get("category_code") or "",
                     notes=row.get("notes") or "")
    return list(rows.found.values()), rows.problems


def read_plain_list(text: str) -> tuple[list[Endpoint], list[Problem]]:
    """The endpoints of a list with one URL or host a line and `#` before comments, each URL once."""
    rows = ListRows()
    for line, said in _meaningful(text):
        rows.add(complete_address(said), partial(int, line))
    return list(rows.found.values()), rows.problems


def _meaningful(text: str) -> Iterator[tuple[int, str]]:
    for number, raw in enumerate(text.splitlines(), start=1):
        line = re.split(r"(?:^|\s)#", raw, maxsplit=1)[0].strip()
        if line:
            yield number, line


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRows:
    """What a list gave so far: endpoints by URL, and what is wrong with the rows that gave none."""

    found: dict[str, Endpoint] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    counts: RowCounts = field(default_factory=lambda: RowCounts(of_pages=True))

    def add(self, url: str, line: Callable[[], int], *, category_code: str = "", notes: str = "") -> None:
        """Take a URL, or note what is wrong with it, on which line."""
        try:
            where = parse_endpoint_url(url)
            if where.scheme not in ("http", "https"):
                raise BadUrlError(f"{where.scheme}:// is not the address of a web page")
        except BadUrlError as error:
            self.problems.append(Problem(line=line(), column="url", reason=str(error)))
            return
        if url in self.found:
            return
        tls = where.scheme == "https"
        endpoint = Endpoint(
            target_id=f"{SERVICE}.{ROLE}.{make_slug(url)}",
            service=SERVICE,
            role=ROLE,
            tier=TIER,
            input=url,
            protocol="http",
            host=where.host,
            port=where.port,
            address=where.address,
            sni=where.host if tls else "",
            trust="web_pki" if tls else "none",
            category_code=category_code.strip()[:5],
            notes=" ".join(notes.split())[:500],
        )
        if reason := self.counts.refuse(endpoint):
            self.problems.append(Problem(line=line(), column="url", reason=reason))
        else:
            self.found[url] = endpoint


def make_slug(url: str) -> str:
    """A label for a URL, the same for ever and one for each: its words, and a hash where they do not tell it apart."""
    plain = re.sub(r"^https?://(?:www\.)?", "", url.lower()).rstrip("/")
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    faithful = url == f"https://{plain}/" and words.count("-") == plain.count(".") and "--" not in plain
    if faithful and len(words) <= MAX_SLUG_CHARACTERS:
        return words
    return f"{words[:MAX_SLUG_CHARACTERS].rstrip('-')}-{hashlib.sha256(url.encode()).hexdigest()[:8]}"
