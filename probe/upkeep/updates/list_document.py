"""The signed document: one JSON object with the whole list of targets and what is asked of runs in each country. Pure.

JSON, and one typed decoder for all of it: no nesting beyond what the types have, no unknown word, no archive to unpack.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec

from probe.catalogue.load import parse_catalogue
from probe.catalogue.test_lists import SERVICE as PLAIN_LIST
from probe.catalogue.types import Catalogue, CatalogueError
from probe.core.json_decoders import decode_json

MAX_BYTES = 4 << 20
EVERYWHERE = "*"
"""In place of a country: what is asked of all, also of those who have not told theirs."""
_DAY_OF_GRACE = datetime.timedelta(days=1)
"""A list's day may have begun where it was made."""

Code = Annotated[str, msgspec.Meta(pattern=r"^([A-Z]{2}|\*)\Z")]


class ListError(ValueError):
    """A list cannot be used; the text says why, in one sentence without its end."""


class UnusableTargetsError(ListError):
    """A list is good, and its targets are for another version of this program: what it asks of runs holds."""


class CountryPolicy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is asked of runs in one country; it can only make them more careful than the volunteer's own settings."""

    pause: Annotated[str, msgspec.Meta(max_length=300)] = ""
    """Why nothing is to be measured; empty: runs are made."""
    stop: Annotated[tuple[Annotated[str, msgspec.Meta(min_length=1, max_length=60)], ...],
                    msgspec.Meta(max_length=100)] = ()
    """Services that nobody measures any more; those that a program does not know mean nothing to it."""
    max_level: Annotated[int, msgspec.Meta(ge=1, le=3)] = 3
    max_tier: Annotated[int, msgspec.Meta(ge=0, le=3)] = 3
    pace_s: Annotated[float, msgspec.Meta(ge=0, le=60)] = 0.0
    """Between two new flows, at least."""


OLD = CountryPolicy(max_level=1, max_tier=1)
"""What is measured by an old list, or one that is not understood: a pause may have been asked for since, and who blocks
the list's server must not gain by it."""
POLICY_WORDS = frozenset(CountryPolicy.__struct_fields__)
Policies = Annotated[dict[Code, CountryPolicy], msgspec.Meta(max_length=300)]


class StagedTargets(msgspec.Struct, frozen=True, kw_only=True):
    """Targets that a part of the volunteers measures first (`probe.upkeep.updates.stage_draw`)."""

    percent: Annotated[int, msgspec.Meta(ge=1, le=99)]
    targets: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_BYTES)]
    """The whole of a targets.csv."""


class ListDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything that is signed. Words of newer programs beside these are left aside."""

    format: Literal[1]
    serial: Annotated[int, msgspec.Meta(ge=1, le=2**53)]
    """Rises with each list; nobody goes back to a lower one."""
    date: datetime.date
    policy: Policies
    targets: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_BYTES)]
    """The whole of a targets.csv."""
    stage: StagedTargets | None = None
    """What comes next, while it is tried."""

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
    """The document in these bytes, which somebody trusted has signed. Raises ListError.

    A country's policy with words that only newer programs know is obeyed as far as it is understood, and as an old
    list would be beyond that: a pause in it must not wait for an upgrade.
    """
    try:
        form = decode_json(raw, _Form)
        if form.format != 1:
            raise ListError(f"it is of format {form.format} and this program reads 1: install a newer one")
        found = decode_json(raw, ListDocument)
        if all(isinstance(words, dict) and words.keys() <= POLICY_WORDS for words in form.policy.values()):
            return found
        careful = {code: limit_policy(found.policy[code]) if set(words) - POLICY_WORDS else found.policy[code]
                   for code, words in form.policy.items()}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ListError(f"it is no list as this program knows it: {error}") from None
    return msgspec.structs.replace(found, policy=careful)


def limit_policy(policy: CountryPolicy) -> CountryPolicy:
    """No more than by an old list."""
    return msgspec.structs.replace(policy, max_level=min(policy.max_level, OLD.max_level),
                                   max_tier=min(policy.max_tier, OLD.max_tier))


def load_listed_catalogue(document: ListDocument) -> Catalogue:
    """The list's catalogue. Raises ListError when this program cannot use all of it."""
    return _load(document.targets, document.name)


def load_staged_catalogue(document: ListDocument) -> Catalogue:
    """The catalogue that comes next. Raises ListError when this program cannot use all of it, or there is none."""
    if document.stage is None:
        raise ListError("no targets are staged in it")
    return _load(document.stage.targets, f"{document.name}, staged")


def _load(targets: str, name: str) -> Catalogue:
    try:
        found = parse_catalogue(targets.encode(), name, "signed")
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
    policy: dict[str, Any] = {}
