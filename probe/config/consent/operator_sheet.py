"""The sheet by which an operator tells volunteers where his services are: addresses and public keys, nothing personal.
Pure but for reading the file.

A sheet may come from anybody. It has no word for consent, levels, tiers, paths, countries, services to leave out,
public networks or publication, so that it can say nothing of them; its addresses are of public servers by https; and
it takes the place of nothing that a configuration holds already.
"""

from __future__ import annotations

import base64
import binascii
import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit, urlunsplit

import msgspec

from probe.config.consent.setup_answers import Answers
from probe.config.destination import find_collector_problem, find_server, is_loopback, parse_login, redact_url
from probe.config.settings import Settings, SettingsError
from probe.core.json_decoders import decode_json
from probe.core.translation import say

MAX_SHEET_BYTES = 8192
LINK_PATH = "/join"
"""Of the operator's server, where the sheet is shown; all that a link says stands behind its `#`, and is never sent."""

_Text = Annotated[str, msgspec.Meta(min_length=3, max_length=300)]
_Url = Annotated[str, msgspec.Meta(max_length=500)]
_Key = Annotated[str, msgspec.Meta(pattern=r"^RW[A-Za-z0-9+/]{54}\Z")]


class SheetFeed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A signed control feed."""

    key: _Key
    urls: Annotated[tuple[_Url, ...], msgspec.Meta(min_length=1, max_length=4)]


class SheetLists(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where signed lists of targets come from."""

    key: _Key
    url: _Url
    each_run: bool = False
    """Whether a new one is looked for before each run, so that a stop is obeyed within the hour."""


class SheetIssuer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where it can be proved without a name that somebody is not new."""

    url: _Url
    keys: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
    """SHA-256 of the document of its public keys."""


class OperatorSheet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """All that a sheet can say."""

    format: Literal[1]
    operator: _Text
    contact: _Text
    """Who is told of incidents, and how."""
    reviewed: _Text
    """Who has reviewed the risks to volunteers, and when."""
    date: datetime.date
    upload_to: _Url = ""
    """Where results are sent; may hold the login that all volunteers share, which can write and not read."""
    encrypt_to: Annotated[str, msgspec.Meta(pattern=r"^(age1[a-z0-9]{58})?\Z")] = ""
    """Public key of age of whoever alone may read what is sent."""
    feeds: Annotated[tuple[SheetFeed, ...], msgspec.Meta(max_length=4)] = ()
    helpers: Annotated[tuple[_Url, ...], msgspec.Meta(max_length=4)] = ()
    lists: SheetLists | None = None
    issuer: SheetIssuer | None = None


def read_sheet(source: str) -> OperatorSheet:
    """The sheet in a TOML file, or in a link as its QR code holds one; nothing is fetched. Raises SettingsError."""
    if source.startswith("https://"):
        return _checked(source.partition("#")[0], _decode_link(source))
    path = Path(source).expanduser()
    try:
        with path.open("rb") as handle:
            raw = handle.read(MAX_SHEET_BYTES + 1)
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or 'is no path'}") from None
    if len(raw) > MAX_SHEET_BYTES:
        raise SettingsError(f"{path}: is larger than {MAX_SHEET_BYTES} bytes: no sheet")
    try:
        sheet = msgspec.toml.decode(raw, type=OperatorSheet)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SettingsError(f"{path}: is no sheet: {error}") from None
    return _checked(str(path), sheet)


def make_link(sheet: OperatorSheet, host: str) -> str:
    """The sheet as a link."""
    raw = base64.urlsafe_b64encode(msgspec.json.encode(sheet)).rstrip(b"=").decode()
    return f"https://{host}{LINK_PATH}#{raw}"


def check_sheet(sheet: OperatorSheet) -> str:
    """What cannot stand in a sheet; empty when all can. All texts can be shown as they are."""
    if any(not text.isprintable() for text in (sheet.operator, sheet.contact, sheet.reviewed, sheet.upload_to,
                                               *_list_urls(sheet))):
        return "holds characters that cannot be shown"
    if sheet.upload_to and (why := _find_problem(_without_login(sheet.upload_to))):
        return f"upload_to {why}"
    if sheet.encrypt_to and not sheet.upload_to:
        return "encrypts what it sends nowhere"
    for url in _list_urls(sheet):
        if why := _find_problem(url):
            return f"{redact_url(url)} {why}"
    if sheet.issuer and not (sheet.upload_to and find_server(sheet.issuer.url) == find_server(sheet.upload_to)):
        return "names an issuer on another server than that of upload_to"
    return ""


def answer_by_sheet(sheet: OperatorSheet, before: Settings) -> Answers:
    """What the sheet answers. Raises SettingsError where it would take the place of what is configured."""
    upload = sheet.upload_to or None
    if upload and before.upload.to and before.upload.to != upload:
        raise SettingsError(say("results are sent to {place} already, and a sheet changes no such thing: to change it "
                                "yourself, name the place with --upload-to", place=before.upload.place))
    if upload and before.upload.encrypt_to and before.upload.encrypt_to != sheet.encrypt_to:
        raise SettingsError(say("what is sent is encrypted to another key already, and a sheet changes no such thing: "
                                "name the key with --encrypt-to"))
    issuer = (sheet.issuer.url, sheet.issuer.keys) if sheet.issuer else None
    if issuer and before.upload.issuer and (before.upload.issuer, before.upload.issuer_keys) != issuer:
        raise SettingsError(say("another issuer of proofs of age is configured already, and a sheet changes no such "
                                "thing: remove `issuer` and `issuer_keys` from the configuration by hand"))
    lists = sheet.lists
    if lists and (before.update.url or before.update.key) and (
            (before.update.url, before.update.key) != (lists.url, lists.key)):
        raise SettingsError(say("signed lists of others are configured already, and a sheet changes no such thing: "
                                "remove [update] from the configuration by hand, if you trust this operator more"))
    return Answers(upload_to=upload, encrypt_to=sheet.encrypt_to or None, issuer=issuer,
                   feeds=tuple((feed.key, *feed.urls) for feed in sheet.feeds) or None,
                   helpers=sheet.helpers or None, lists=(lists.key, lists.url) if lists else None,
                   lists_each_run=lists.each_run if lists else None)


def describe_sheet(sheet: OperatorSheet) -> Iterator[str]:
    """What it says and what it sets, for a person; texts are of whoever made it, and were checked."""
    yield say("This sheet is by {operator}, of {date}.", operator=sheet.operator, date=sheet.date.isoformat())
    yield "  " + say("when something happens, tell: {contact}", contact=sheet.contact)
    yield "  " + say("the risks were reviewed by: {reviewed}", reviewed=sheet.reviewed)
    yield say("It sets:")
    yield from (f"  {line}" for line in _describe_places(sheet))
    yield say("It cannot set a level, a folder or a country, nor agree for you. Whether it is by whom it says, ask "
              "them.")


def _describe_places(sheet: OperatorSheet) -> Iterator[str]:
    if sheet.upload_to:
        place = redact_url(sheet.upload_to)
        yield say("results of each scheduled run are sent to {place} with the login that all volunteers share",
                  place=place) if parse_login(sheet.upload_to) else say(
            "results of each scheduled run are sent to {place}", place=place)
        yield "  " + (say("encrypted to {key}", key=sheet.encrypt_to) if sheet.encrypt_to else
                      say("readable for whoever runs that place"))
    if sheet.issuer:
        yield say("once a month that server is asked for a proof that who has this month's key is not new; by proofs "
                  "alone no months can be linked")
    for feed in sheet.feeds:
        yield say("a control feed is asked for before runs: {urls}; it is told no names", urls=", ".join(feed.urls))
    for url in sheet.helpers:
        yield say("this helper is told the names that fail, and sees your address: {url}", url=url)
    if sheet.lists and sheet.lists.each_run:
        yield say("signed lists are asked for before each run, at {url}: whoever has their key decides what runs "
                  "measure, within your level", url=sheet.lists.url)
    elif sheet.lists:
        yield say("signed lists are asked for once a day, at {url}: whoever has their key decides what runs measure, "
                  "within your level", url=sheet.lists.url)


def _checked(source: str, sheet: OperatorSheet) -> OperatorSheet:
    if why := check_sheet(sheet):
        raise SettingsError(f"{source}: this sheet {why}")
    return sheet


def _decode_link(link: str) -> OperatorSheet:
    raw = link.partition("#")[2]
    try:
        if len(raw) > MAX_SHEET_BYTES:
            raise ValueError("it is too long")
        decoded = base64.b64decode(raw + "=" * (-len(raw) % 4), altchars=b"-_", validate=True)
        return decode_json(decoded, OperatorSheet)
    except (binascii.Error, msgspec.DecodeError, ValueError, RecursionError) as error:
        raise SettingsError(f"this link is no sheet: {error}") from None


def _list_urls(sheet: OperatorSheet) -> Iterator[str]:
    for feed in sheet.feeds:
        yield from feed.urls
    yield from sheet.helpers
    if sheet.lists:
        yield sheet.lists.url
    if sheet.issuer:
        yield sheet.issuer.url


def _find_problem(url: str) -> str:
    """Why it is no address of a public server by https, as the end of a sentence."""
    if not url.startswith("https://"):
        return "must begin with https://"
    return find_collector_problem(url) or ("leads to this very device" if is_loopback(url) else "")


def _without_login(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
