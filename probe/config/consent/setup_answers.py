"""The answers of a set-up: from a file, from flags, from a conversation; checked, and turned into settings. Pure but
for reading the file, and the tables that are named."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Annotated

import msgspec

from probe.config.consent.consent_check import make_consent
from probe.config.consent.control_ways import add_controls, load_default_feeds
from probe.config.consent.country_profiles import CountryProfile, profile_of
from probe.config.geo.geo_status import parse_geo_settings
from probe.config.geo.geo_table import NO_COUNTRY
from probe.config.settings import (
    FeedSettings,
    RunSettings,
    Settings,
    SettingsError,
    StoreSettings,
    UpdateSettings,
    check_submit_settings,
    check_upload_settings,
    read_toml,
)
from probe.config.settings_edit import AddedTables, Tables
from probe.core.country_codes import explain_no_country
from probe.core.languages import SOURCE
from probe.core.tables.consent_words import LEVELS, TEXT_NUMBER
from probe.core.tables.run_words import NETWORK_TYPES as NETWORK_TYPES
from probe.core.translation import say

KEEP_DAYS, QUOTA_MB = 400, 2000
"""What a first set-up writes under `[store]`: more than a year to compare with, and no full disk. What goes is told."""


class Answers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person said; what is None was not said, and keeps what the configuration or the profile says."""

    agree: int | None = None
    """Number of the text that was read and agreed to, also for everybody concerned."""
    level: Annotated[int, msgspec.Meta(ge=1, le=3)] | None = None
    chat: bool | None = None
    """Whether level 1 may say the first words of chats, in countries whose profile leaves it to the person."""
    country: str | None = None
    asn: Annotated[int, msgspec.Meta(ge=0, le=4_294_967_295)] | None = None
    network_type: str | None = None
    geo: tuple[str, ...] | None = None
    """Where country and network are looked up: `table`, `none`, or files (.mmdb)."""
    results: str | None = None
    tier: Annotated[int, msgspec.Meta(ge=0, le=3)] | None = None
    skip_services: tuple[str, ...] | None = None
    upload_to: str | None = None
    """URL to send results to; `none`: nowhere."""
    encrypt_to: str | None = None
    """Public key of age, of whoever alone may read what is sent; `none`: whoever runs the place may."""
    issuer: tuple[str, str] | None = None
    """The issuer of proofs of age, on the server of `upload_to`: its URL, and SHA-256 of its public keys."""
    submit_to: str | None = None
    """URL of a collector to which measurements may be submitted, to be public for ever; `none`: none."""
    feeds: tuple[tuple[str, ...], ...] | None = None
    """Control feeds to add, each its key and then its URLs; said to be none, a first set-up takes none of its own."""
    helpers: tuple[str, ...] | None = None
    """URLs of helpers to add."""
    lists: tuple[str, str] | None = None
    """Signed lists of targets: their key, and their URL."""
    lists_each_run: bool | None = None
    """Whether a new one is looked for before each run, and not once a day."""
    globalping: bool | None = None
    ooni_helpers: bool | None = None


def read_answers(path: Path) -> Answers:
    """The answers in a TOML file. Raises SettingsError that says what is wrong where."""
    try:
        return msgspec.convert(read_toml(path), Answers)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path}: {error}; a file of answers has only: {', '.join(_KEYS)}") from None


_KEYS = Answers.__struct_fields__


def merge_answers(first: Answers, second: Answers) -> Answers:
    """The first answers, and where they say nothing the second ones."""
    said = {key: value for key in _KEYS if (value := getattr(first, key)) is not None}
    return msgspec.structs.replace(second, **said)


def add_answers(first: Answers, more: Answers) -> Answers:
    """As `merge_answers`, and of feeds and helpers both."""
    return msgspec.structs.replace(merge_answers(first, more), feeds=(first.feeds or ()) + (more.feeds or ()) or None,
                                   helpers=(first.helpers or ()) + (more.helpers or ()) or None)


def parse_country(text: str) -> str:
    """A country's code in capitals, or ZZ. Raises SettingsError for a code that no country has."""
    cc = text.strip().upper()
    if cc in ("", NO_COUNTRY):
        return NO_COUNTRY
    if why := explain_no_country(text):
        raise SettingsError(say("{why} (ZZ: not told)", why=why))
    return cc


def parse_network_type(text: str) -> str:
    """A kind of network. Raises SettingsError."""
    if text not in NETWORK_TYPES:
        raise SettingsError(say("{text} is no kind of network: choose one of {kinds}", text=repr(text),
                                kinds=", ".join(NETWORK_TYPES)))
    return text


def parse_services(names: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
    """Services to leave out, each once. Raises SettingsError for one that there is not."""
    wanted = tuple(dict.fromkeys(word for name in names for word in name.lower().replace(",", " ").split()))
    known = sorted(known)
    for name in wanted:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3)
            hint = say("did you mean {near}?", near=say(" or ").join(near)) if near else say("see `probe targets list`")
            raise SettingsError(say("{name} is no service of the list: {hint}", name=repr(name), hint=hint))
    return wanted


def add_destinations(answers: Answers, before: Settings) -> Settings:
    """The settings with the country, the places that were named to upload and to submit to, and the controls: what the
    consent names follows from all of it. Raises SettingsError for one that cannot be."""
    upload, submit = before.upload, before.submit
    if answers.upload_to is not None and _named(answers.upload_to) != upload.to:  # it was on that server
        upload = msgspec.structs.replace(upload, issuer="", issuer_keys="")
    if answers.issuer is not None:
        upload = msgspec.structs.replace(upload, issuer=answers.issuer[0], issuer_keys=answers.issuer[1])
    if answers.upload_to is not None or answers.encrypt_to is not None or answers.issuer is not None:
        upload = msgspec.structs.replace(
            upload, to=upload.to if answers.upload_to is None else _named(answers.upload_to),
            encrypt_to=upload.encrypt_to if answers.encrypt_to is None else _named(answers.encrypt_to))
        if upload.encrypt_to and not upload.to:
            raise SettingsError(say("--encrypt-to needs a place: --upload-to URL"))
        if why := check_upload_settings(upload):
            raise SettingsError(f"{why}. What else belongs to it stands under [upload] in the configuration")
    if answers.submit_to is not None:
        submit = msgspec.structs.replace(submit, collector=_named(answers.submit_to))
        if why := check_submit_settings(submit):
            raise SettingsError(why)
    cc = parse_country(before.vantage.cc if answers.country is None else answers.country)
    update = before.update if answers.lists is None else UpdateSettings(
        key=answers.lists[0], url=answers.lists[1], each_run=bool(answers.lists_each_run))
    after = msgspec.structs.replace(before, upload=upload, submit=submit, update=update,
                                    vantage=msgspec.structs.replace(before.vantage, cc=cc))
    return add_controls(after, feeds=_choose_feeds(answers, before), helpers=answers.helpers or (),
                        globalping=answers.globalping, ooni_helpers=answers.ooni_helpers)


def _choose_feeds(answers: Answers, before: Settings) -> tuple[FeedSettings, ...]:
    """Those that were named; where none was, a first set-up takes those that come with the package."""
    if answers.feeds is None:
        return load_default_feeds() if before.consent is None and not before.feed else ()
    if any(len(feed) < 2 for feed in answers.feeds):
        raise SettingsError("a feed takes its key and its URL: feeds = [[\"RWQ...\", \"https://...\"]]")
    return tuple(FeedSettings(key=key, urls=urls) for key, *urls_of in answers.feeds if (urls := tuple(urls_of)))


def parse_control(text: str, answers: Answers) -> Answers:
    """The answers with one control more, as it is typed. Raises SettingsError for what is none."""
    match text.split():
        case ["feed", key, *urls] if urls:
            return msgspec.structs.replace(answers, feeds=(*(answers.feeds or ()), (key, *urls)))
        case ["helper", url]:
            return msgspec.structs.replace(answers, helpers=(*(answers.helpers or ()), url))
        case ["globalping"]:
            return msgspec.structs.replace(answers, globalping=True)
        case ["ooni"]:
            return msgspec.structs.replace(answers, ooni_helpers=True)
    raise SettingsError(say("one of: feed KEY URL, helper URL, globalping, ooni; or - for no more"))


def _named(place: str) -> str:
    return "" if place.strip().lower() in ("none", "-", "") else place.strip()


def explain_no_consent(answers: Answers) -> str:
    """Why these answers are no consent; empty when they are."""
    if answers.agree is None:
        return say("Nobody agreed. Read the text (probe setup --show), then say that you and everybody concerned agree "
                   "to it: probe setup --agree {number}", number=TEXT_NUMBER)
    if answers.agree != TEXT_NUMBER:
        return say("The answers agree to text {agreed}, but the text is now number {number}. Read it (probe setup "
                   "--show), and put {number} there if you still agree.", agreed=answers.agree, number=TEXT_NUMBER)
    return ""


def list_changes(answers: Answers, before: Settings, *, known: Iterable[str], today: date) -> Tables:
    """What the configuration is to say. Raises SettingsError for an answer that cannot be."""
    cc = parse_country(before.vantage.cc if answers.country is None else answers.country)
    profile = profile_of(cc)
    first = before.consent is None
    level = answers.level or (profile.level if first else min(before.run.consent_level, max(LEVELS)))
    tier = (profile.tier if first else before.run.tier) if answers.tier is None else answers.tier
    pace_s, deadline_s = _pace(before, profile)
    kept = before.run.skip_services if answers.skip_services is None else answers.skip_services
    after = add_destinations(answers, before)
    chat = profile.chat == "included" if answers.chat is None else answers.chat
    agreed = make_consent(after, level=level, today=today, chat=chat)
    geo = before.geo if answers.geo is None else parse_geo_settings(answers.geo)
    looked_up: Tables = {} if geo == before.geo else {"geo": {"lookup": geo.lookup, "files": geo.files}}
    store: Tables = {"store": {"keep_days": KEEP_DAYS, "quota_mb": QUOTA_MB}} if first and (
        before.store == StoreSettings()) else {}
    upload: Tables = {} if after.upload == before.upload else {
        "upload": {"to": after.upload.to, "encrypt_to": after.upload.encrypt_to, "issuer": after.upload.issuer,
                   "issuer_keys": after.upload.issuer_keys}}
    submit: Tables = {} if after.submit == before.submit else {"submit": {"collector": after.submit.collector}}
    lists: Tables = {} if after.update == before.update else {
        "update": {"url": after.update.url, "key": after.update.key, "each_run": after.update.each_run}}
    asked = after.public_controls
    public: Tables = {} if asked == before.public_controls else {
        "public_controls": {"globalping": asked.globalping, "ooni_helpers": asked.ooni_helpers}}
    recorded = before.consent.language if before.consent else SOURCE
    spoken = {} if agreed.language == recorded else {"language": agreed.language}
    return {
        **upload, **submit, **lists, **looked_up, **store, **public,
        "vantage": {
            "cc": cc, "asn": before.vantage.asn if answers.asn is None else answers.asn,
            "network_type": parse_network_type(answers.network_type or before.vantage.network_type),
        },
        "run": {
            "results": _absolute(answers.results or before.run.results), "tier": tier, "consent_level": level,
            "skip_services": parse_services(kept, known), "pace_s": float(pace_s), "deadline_s": float(deadline_s),
        },
        "consent": {"date": agreed.date, "text": agreed.text, "level": agreed.level, "sends": agreed.sends,
                    "to": agreed.to, "concerned": agreed.concerned, "public_at": agreed.public_at, **spoken},
    }


def list_added_controls(answers: Answers, before: Settings) -> AddedTables:
    """The tables of controls that the configuration is to have besides. Raises SettingsError as `list_changes`."""
    after = add_destinations(answers, before)
    feeds, helpers = after.feed[len(before.feed):], after.helper[len(before.helper):]
    return {name: tables for name, tables in (
        ("feed", [{"urls": feed.urls, "key": feed.key} for feed in feeds]),
        ("helper", [{"id": helper.id, "url": helper.url} for helper in helpers])) if tables}


def _pace(before: Settings, profile: CountryProfile) -> tuple[float, float]:
    """(pace, deadline) of the profile, unless the person has chosen others than any default."""
    plain, earlier, now = RunSettings(), profile_of(before.vantage.cc), (before.run.pace_s, before.run.deadline_s)
    defaults = {(plain.pace_s, plain.deadline_s), (earlier.pace_s, earlier.deadline_s)}
    return (profile.pace_s, profile.deadline_s) if now in defaults else now


def _absolute(folder: str) -> str:
    """A schedule's runs start elsewhere: only a whole path means the same to them."""
    return str(Path(folder).expanduser().absolute())
