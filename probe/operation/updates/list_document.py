"""The signed document: one JSON object with the whole list of targets and what is asked of runs in each country. Pure.

JSON, and one typed decoder for all of it: no nesting beyond what the types have, no unknown word, no archive to unpack.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec

from probe.catalogue.load import parse_catalogue
from probe.catalogue.test_lists import SERVICE as PLAIN_LIST
from probe.catalogue.types import Catalogue, CatalogueError

MAX_BYTES = 4 << 20
EVERYWHERE = "*"
"""In place of a country: what is asked of all, also of those who have not told theirs."""
_DAY_OF_GRACE = datetime.timedelta(days=1)
"""A list's day may have begun where it was made."""

Code = Annotated[str, msgspec.Meta(pattern=r"^([A-Z]{2}|\*)\Z")]


class ListError(ValueError):
    """A list cannot be used; the text says why, in one sentence without its end."""


class CountryPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is asked of runs in one country; it can only make them more careful than the volunteer's own settings."""

    pause: Annotated[str, msgspec.Meta(max_length=300)] = ""
    """Why nothing is to be measured; empty: runs are made."""
    max_level: Annotated[int, msgspec.Meta(ge=1, le=3)] = 3
    max_tier: Annotated[int, msgspec.Meta(ge=0, le=3)] = 3
    pace_s: Annotated[float, msgspec.Meta(ge=0, le=60)] = 0.0
    """Between two new flows, at least."""


Policies = Annotated[dict[Code, CountryPolicy], msgspec.Meta(max_length=300)]


class ListDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that is signed."""

    format: Literal[1]
    serial: Annotated[int, msgspec.Meta(ge=1, le=2**53)]
    """Rises with each list; nobody goes back to a lower one."""
    date: datetime.date
    policy: Policies
    targets: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_BYTES)]
    """The whole of a targets.csv."""

    @property
    def name(self) -> str:
        """How it is called in results and to people."""
        return f"signed list {self.serial} of {self.date.isoformat()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListNumbers:
    """What is remembered of a list when the next one is looked at."""

    serial: int
    date: datetime.date
    sha256: str


def read_document(raw: bytes) -> ListDocument:
    """The document in these bytes, which somebody trusted has signed. Raises ListError."""
    try:
        form = msgspec.json.decode(raw, type=_Form)
        if form.format != 1:
            raise ListError(f"it is of format {form.format} and this program reads 1: install a newer one")
        return msgspec.json.decode(raw, type=ListDocument)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ListError(f"it is no list as this program knows it: {error}") from None


def write_document(*, serial: int, date: datetime.date, targets: str, policy: Mapping[str, CountryPolicy]) -> bytes:
    """The bytes to be signed. Raises ListError for what `read_document` would refuse."""
    made = ListDocument(format=1, serial=serial, date=date, policy=dict(policy), targets=targets)
    raw = msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n"
    if len(raw) > MAX_BYTES:
        raise ListError(f"it is larger than {MAX_BYTES} bytes")
    if read_document(raw) != made:
        raise ListError("it does not read as it was written")
    return raw


def read_policies(raw: bytes) -> dict[str, CountryPolicy]:
    """What is asked, by country, of a TOML file with one table for each. Raises ListError."""
    try:
        return msgspec.toml.decode(raw, type=Policies)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ListError(f"it is no policy: {error}") from None


def load_listed_catalogue(document: ListDocument) -> Catalogue:
    """The list's catalogue. Raises ListError when this program cannot use all of it."""
    try:
        found = parse_catalogue(document.targets.encode(), document.name, "signed")
    except CatalogueError as error:
        raise ListError(f"its targets cannot be used by this program: {str(error).splitlines()[0]}") from None
    if any(endpoint.service == PLAIN_LIST for endpoint in found.endpoints):
        raise ListError("its targets are a bare list of addresses and no catalogue")
    return found


def check_follows(new: ListNumbers, last: ListNumbers | None, *, today: datetime.date) -> None:
    """Raises ListError where a list may not take the place of the last good one: downgrades, and dates to come."""
    if new.date > today + _DAY_OF_GRACE:
        raise ListError(f"the list is dated {new.date}, in the future: the clock of this device is wrong, or the list")
    if last is None:
        return
    if new.serial < last.serial:
        raise ListError(f"the list's number {new.serial} is lower than {last.serial} of the one that is here: "
                        "somebody replays an old one")
    if new.serial == last.serial and new.sha256 != last.sha256:
        raise ListError(f"the list has the number {new.serial} of the one that is here, but says something else")
    if new.date < last.date:
        raise ListError(f"the list is dated {new.date}, before the one that is here ({last.date})")


class _Form(msgspec.Struct, frozen=True):
    """What is read of a document of any format."""

    format: int
