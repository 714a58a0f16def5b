"""Where measurements lie in OONI's bucket and how its API names them; what a listing says. Pure.

Layout of ooni/data, `oonidata/dataclient.py`: `raw/YYYYMMDD/HH/CC/test/YYYYMMDDHH_CC_test.nN.K.jsonl.gz`, by the hour
of upload. Buckets know no URL, so web sites are found by domain through the API. A server may lie: keys that stand
elsewhere than asked for, or have another form, are refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

BUCKET = "https://ooni-data-eu-fra.s3.eu-central-1.amazonaws.com"
API = "https://api.ooni.io"
TESTS = {"whatsapp": "whatsapp", "telegram": "telegram", "signal": "signal", "messenger": "facebookmessenger"}
"""Service -> the test that measures it, as the bucket writes it."""
PAGE = 100
"""Measurements that one answer of the API may list."""
MAX_KEYS = 1000
_KEY = re.compile(r"raw/\d{8}/\d\d/[A-Z]{2}/([a-z0-9]{1,40})/[A-Za-z0-9_][A-Za-z0-9_.-]{0,120}\.jsonl\.gz")
_UID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{5,100}")
_HOUR = timedelta(hours=1)


class BadListingError(ValueError):
    """A listing that is none; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveObject:
    """One packed file of measurements."""

    key: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What one answer lists."""

    objects: tuple[ArchiveObject, ...]
    refused: int
    """Entries that are none of those asked for."""
    token: str
    """Asks for what follows; empty: nothing does."""


def list_prefixes(test: str, country: str, compare: Sequence[str], since: datetime, now: datetime) -> Iterator[str]:
    """The newest hour first: all tests of the country, and the one test of countries to compare with."""
    hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    while hour >= since - _HOUR:
        yield f"raw/{hour:%Y%m%d}/{hour:%H}/{country}/"
        yield from (f"raw/{hour:%Y%m%d}/{hour:%H}/{other}/{test}/" for other in compare if other != country)
        hour -= _HOUR


def make_listing_url(bucket: str, prefix: str, token: str = "") -> str:
    """ListObjectsV2, without credentials."""
    query = {"list-type": "2", "prefix": prefix, **({"continuation-token": token} if token else {})}
    return f"{bucket.rstrip('/')}/?{urlencode(query)}"


def make_object_url(bucket: str, key: str) -> str:
    """Of one file."""
    return f"{bucket.rstrip('/')}/{quote(key)}"


def parse_listing(raw: bytes, prefix: str, tests: Sequence[str]) -> Listing:
    """The files of these tests. Raises BadListingError; XML that defines entities is not read."""
    if b"<!" in raw:
        raise BadListingError("the listing holds declarations, as no listing does")
    try:
        root = ElementTree.fromstring(raw)
    except (ElementTree.ParseError, ValueError, RecursionError) as error:
        raise BadListingError(f"the listing is no XML: {error}"[:200]) from None
    if not root.tag.endswith("ListBucketResult"):
        raise BadListingError("the answer is no listing")
    objects, refused = [], 0
    for entry in [one for one in root if one.tag.endswith("Contents")][:MAX_KEYS]:
        key, size = _text(entry, "Key"), _text(entry, "Size")
        found = _KEY.fullmatch(key)
        if found is None or not key.startswith(prefix) or not re.fullmatch(r"[0-9]{1,12}", size):
            refused += not key.endswith(".tar.gz")  # packed bodies of reports, which nobody wants here
        elif found[1] in tests:
            objects.append(ArchiveObject(key=key, size=int(size)))
    more = _text(root, "IsTruncated") == "true"
    return Listing(objects=tuple(objects), refused=refused, token=_text(root, "NextContinuationToken")[:2000] * more)


def _text(element: ElementTree.Element, name: str) -> str:
    return next((child.text or "" for child in element if child.tag.rpartition("}")[2] == name), "")


def make_search_url(api: str, host: str, country: str, since: datetime, offset: int) -> str:
    """Measurements of one domain in one country, the newest first."""
    query = {"probe_cc": country, "test_name": "web_connectivity", "domain": host, "since": f"{since:%Y-%m-%d}",
             "limit": str(PAGE), "offset": str(offset), "order_by": "measurement_start_time", "order": "desc"}
    return f"{api.rstrip('/')}/api/v1/measurements?{urlencode(query)}"


def make_measurement_url(api: str, uid: str) -> str:
    """Of one measurement as it was submitted."""
    return f"{api.rstrip('/')}/api/v1/raw_measurement?{urlencode({'measurement_uid': uid})}"


def parse_search(raw: bytes) -> tuple[str, ...]:
    """Names of the measurements that are listed. Links in the answer are not followed. Raises BadListingError."""
    try:
        results = json.loads(raw)["results"]
        found = [str(row.get("measurement_uid") or "") for row in results]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BadListingError("the answer is no list of measurements") from None
    return tuple(dict.fromkeys(uid for uid in found[:PAGE] if _UID.fullmatch(uid)))
