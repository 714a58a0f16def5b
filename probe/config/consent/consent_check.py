"""Does what was agreed to cover what the configuration asks for? Pure."""

from __future__ import annotations

from datetime import date

from probe.config.consent.consent_language import choose_consent_language
from probe.config.consent.country_profiles import profile_of
from probe.config.consent.public_controls import list_public_destinations
from probe.config.settings import ConsentSettings, Settings
from probe.core.tables.consent_words import CONCERNED, TEXT_NUMBER, TEXTS_IN_FORCE, list_sent
from probe.core.translation import current_language, say


def list_destinations(settings: Settings) -> tuple[str, ...]:
    """Where names are sent by the person's own configuration: helpers, and servers whose operators agreed; and who is
    asked for new lists of targets and for control feeds; and public networks that are asked about what failed."""
    return (*(helper.url for helper in settings.helper),
            *dict.fromkeys((*(server.address for server in settings.matrix_server),
                            *(helper.address for helper in settings.helper if helper.agreed))), *_lists(settings),
            *_feeds(settings), *list_public_destinations(settings))


def describe_destinations(settings: Settings) -> tuple[str, ...]:
    """The same for the consent text, with what each sees where that is not what the text says of helpers."""
    sees = {url: say("asked for a control feed before runs: sees your address, no names") for url in _feeds(settings)}
    sees |= {url: say("asked for a new list of targets before each run: sees your address, no names")
             if settings.update.each_run else
             say("asked for a new list of targets once a day: sees your address, no names")
             for url in _lists(settings)}
    sees |= {url: say("asked in a run about what failed: sees your address together with it, and may keep it for "
                      "months")
             for url in list_public_destinations(settings)}
    return tuple(f"{place} ({sees[place]})" if place in sees else place for place in list_destinations(settings))


def _lists(settings: Settings) -> tuple[str, ...]:
    """The URL of a list that is not on this machine."""
    return _remote(settings.update.url)


def _feeds(settings: Settings) -> tuple[str, ...]:
    """The URLs of control feeds that are not on this machine, each once."""
    return tuple(dict.fromkeys(place for feed in settings.feed for url in feed.urls for place in _remote(url)))


def _remote(url: str) -> tuple[str, ...]:
    return (url,) if url.lower().startswith(("http://", "https://")) else ()


def make_consent(settings: Settings, *, level: int, today: date, chat: bool = False) -> ConsentSettings:
    """The record of a person who has just agreed to today's text at this level; `chat`: and to the first words of
    chats at level 1, where the profile of the country lets them be agreed to."""
    chat = chat and profile_of(settings.vantage.cc).chat != "never"
    upload = (settings.upload.place,) if settings.upload.place else ()
    return ConsentSettings(date=today.isoformat(), text=TEXT_NUMBER, level=level,
                           sends=list_sent(level, by_profile=chat),
                           to=(*list_destinations(settings), *upload), concerned=tuple(CONCERNED),
                           public_at=(settings.submit.place,) if settings.submit.place else (),
                           language=choose_consent_language(current_language()))


def explain_lacking_consent(settings: Settings) -> str:
    """Why the consent does not cover the configuration, as a sentence; empty when it does."""
    agreed, level = settings.consent, settings.run.consent_level
    if agreed is None:
        return say("Nobody has agreed yet to measurements from this line.")
    if agreed.text not in TEXTS_IN_FORCE:
        return say("The consent text is now number {number}; number {agreed} was agreed to on {date}.",
                   number=TEXT_NUMBER, agreed=agreed.text, date=agreed.date)
    if level > agreed.level:
        return say("run.consent_level is {level}, but on {date} level {agreed} was agreed to.", level=level,
                   date=agreed.date, agreed=agreed.level)
    if not set(list_sent(level, text=agreed.text)) <= set(agreed.sends):
        return say("What is sent at level {level} has changed since {date}.", level=level, date=agreed.date)
    if missing := [word for word in CONCERNED if word not in agreed.concerned]:
        return say("The consent of {date} does not say that these agreed: {missing}.", date=agreed.date,
                   missing=", ".join(missing))
    if new := [url for url in (*_lists(settings), *_feeds(settings)) if url not in agreed.to]:
        return say("The server of {place} would see your address; the consent of {date} does not name it.",
                   place=new[0], date=agreed.date)
    if new := [place for place in list_destinations(settings) if place not in agreed.to]:
        return say("Names would be sent to {places}, which the consent of {date} does not name.",
                   places=", ".join(new), date=agreed.date)
    return ""


def may_send(settings: Settings, word: str, *, lab: bool) -> bool:
    """Whether a run may send this sort of traffic (`probe.core.tables.consent_words`); in the laboratory nobody
    need be asked, and the country's profile decides what it decides elsewhere."""
    if lab and settings.consent is None:
        by_profile = profile_of(settings.vantage.cc).chat == "included"
        return word in list_sent(settings.run.consent_level, by_profile=by_profile)
    return settings.consent is not None and word in settings.consent.sends


def explain_lacking_upload_consent(settings: Settings) -> str:
    """Why the consent does not cover the configured upload; empty when it does, or when there is none.

    Runs do not depend on it: what may not be uploaded stays here.
    """
    place = settings.upload.place
    if not place:
        return ""
    if why := explain_lacking_consent(settings):
        return why
    if settings.consent and place not in settings.consent.to:
        return say("Results would be uploaded to {place}, which the consent of {date} does not name.", place=place,
                   date=settings.consent.date)
    return ""


def explain_upload_refusal(settings: Settings, *, lab: bool) -> str:
    """Why nothing may be uploaded, and the one command that helps; empty when it may."""
    return _with_help("" if lab else explain_lacking_upload_consent(settings), settings)


def explain_lacking_submit_consent(settings: Settings, collector: str) -> str:
    """Why the consent does not cover that measurements become public by way of this collector (as
    `probe.config.destination.redact_url` writes it); empty when it does. Nothing else depends on it."""
    if why := explain_lacking_consent(settings):
        return why
    if collector != settings.submit.place:
        return say("{collector} is not the collector that the configuration names ({named}).", collector=collector,
                   named=settings.submit.place or say("none"))
    if settings.consent and collector not in settings.consent.public_at:
        return say("What is sent to {collector} would be public for ever; the consent of {date} does not name it.",
                   collector=collector, date=settings.consent.date)
    return ""


def explain_submit_refusal(settings: Settings, collector: str) -> str:
    """Why nothing may be submitted there, and the one command that helps; empty when it may."""
    return _with_help(explain_lacking_submit_consent(settings, collector), settings, f" --submit-to {collector}")


def explain_refusal(settings: Settings, *, lab: bool) -> str:
    """Why a run may not start, and the one command that helps; empty when it may.

    Nothing leaves the laboratory, and nobody lives there: no consent is needed inside.
    """
    return _with_help("" if lab else explain_lacking_consent(settings), settings)


def _with_help(why: str, settings: Settings, more: str = "") -> str:
    if not why:
        return ""
    config = f" --config {settings.path}" if settings.path else ""
    return why + "\n" + say("Nothing was sent. To be told what a run sends, and to be asked: {command}",
                            command=f"probe setup{more}{config}")
