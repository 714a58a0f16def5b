"""The consent text: what a person is told before being asked. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from probe.config.consent.country_profiles import CountryProfile
from probe.core.line_folding import fold_line
from probe.core.tables.consent_words import CONCERNED, LEVELS, SENT, TEXT_NUMBER
from probe.core.translation import isolate, say

WIDTH = 80
"""Columns of the text where nobody says how wide the terminal is."""

SEEN = (
    "This program is not anonymous, not even at level 1: the names of all messengers on its list, forbidden ones "
    "too, cross your line where your provider, your network's operator and anybody on the way can read them. To "
    "them it looks as if you had opened all those services one after the other, again and again, by day and by "
    "night. The services see a visit from your address, without any account. Requests for pages name this "
    "program: the services read it, and of pages without encryption everybody on the way does.",
)
SENT_TO_US = (
    "Nothing is sent to the makers of this program. Helpers, if you name any in the configuration, see your address "
    "and the names of the endpoints that failed. Nothing goes to places that are not named here.",
    "Results leave this device by themselves only if you name a place for them (`probe setup --upload-to URL`). "
    "Then all tables of every run go there, whole, also of those that are stored already: what was reached and "
    "what was not, when, your country and network as far as they are written, the resolver's address, the "
    "beginnings of pages; captured packets do not. Whoever runs that place sees your address, can read it all and "
    "hand it on; others on the way see that you send something there.",
)
PUBLIC = (
    "What you submit to this collector becomes public, for ever: anybody can read it, copy it and hold it against "
    "other records, and neither you nor those who run the collector can take it back. It says which endpoints runs "
    "from here reached or not and how they failed, in which country and on which day; where five probes or more "
    "measured in a network, also the network and the hour. With `--exact` it always says network and second, by which "
    "whoever keeps records of that network can find your line. Names and addresses of a list of your own are in it. "
    "Your own address, your network's resolver and texts of pages are not.",
    "It is sent only when you say so each time by hand (`probe submit ooni --public-for-ever`), and nothing sooner "
    "than a day after it was measured. The collector sees the address that you send from; others on the way see that "
    "you send something there.",
)
"""What is told of a collector; said to those alone who name one, and so no part of the numbered text of all others."""
KEPT = (
    "Results stay in a folder that only your user can read. Your own address is never written. Country, number of "
    "the network and its kind are written as you tell them; country and number also as a table on this device has "
    "them, in which your address is looked up and then forgotten (`probe setup --geo none`: it is not). The "
    "resolver's address is written and can hint at your provider. A provider's block page can hold what names you, "
    "such as a customer's number: the beginning of pages and the links of redirects are kept, without addresses. "
    "Where the system lets this program capture packets, those of failed connections are kept without your address. "
    "Whoever takes the device can read what was blocked there, and when you measured.",
)
FREE = (
    "You owe this to nobody. You can leave out services, lower the level, stop (`probe uninstall`) and delete the "
    "results at any time. If you are not sure that it is safe for you and for the others, do not run it.",
)

SHORT = (
    "The names of all messengers on the list cross your line. Your provider and everybody on the way can read "
    "them, and keep a record. It is not anonymous, and it opens nothing that is blocked.",
    "At level {level} it takes {costs}.",
    "Nothing is sent to the makers. Results stay in a folder of yours.",
    "All who use this line are concerned, and its owner. You may stop at any time.",
)
ASK = "This is not about you alone. Ask:"


def write_consent_text(profile: CountryProfile, *, cc: str, to: Sequence[str] = (), upload: str = "",
                       public: str = "", columns: int = WIDTH) -> Iterator[str]:
    """The lines of the whole text for a country, at most `columns` wide; `to`: helpers and servers that the
    configuration names; `upload`: where it sends results; `public`: the collector by way of which they may become
    public."""
    yield say("What you are asked to agree to (text {number})", number=TEXT_NUMBER)
    yield from _write_risk(profile, cc, columns)
    yield from _part(say("What others see"), SEEN, columns)
    yield from _part(say("What is sent"), (), columns)
    for level, meaning in LEVELS.items():
        more = "" if level == 1 else say(", and all of level {level}", level=level - 1)
        yield from _wrap(say("Level {level}, {meaning}{more}:", level=level, meaning=say(meaning), more=more), "  ",
                         columns)
        for row in SENT:
            if row.level == level and (profile.chat != "never" or not row.by_profile):
                yield from _wrap(f"- {say(row.meaning)}", "    ", columns, hang="  ")
    yield from _part(say("Where it goes besides"), SENT_TO_US, columns)
    for place in to:
        yield f"    - {isolate(place)}"
    if upload:
        yield "    - " + say("all results: {place}", place=upload)
    if public:
        yield from _part(say("What becomes public, by way of {place}", place=public), PUBLIC, columns)
    yield from _part(say("What is stored"), KEPT, columns)
    yield from _part(say("Who else must agree"), [ASK], columns)
    for meaning in CONCERNED.values():
        yield from _wrap(f"- {say(meaning)}", "    ", columns, hang="  ")
    yield from _part(say("You are free"), FREE, columns)


def write_short_text(profile: CountryProfile, *, cc: str, costs: str, level: int = 1, to: Sequence[str] = (),
                     upload: str = "", public: str = "", columns: int = WIDTH) -> Iterator[str]:
    """What a person should know before anything else, in a screenful; no part of the numbered text, which it names.
    `costs`: what runs at `level` take; the others as in the whole text."""
    yield from _write_risk(profile, cc, columns)
    yield from _part(say("In short"), SHORT, columns, costs=costs, level=level)
    for place in (*map(isolate, to), *([say("all results: {place}", place=upload)] if upload else []),
                  *([say("public for ever, each time by hand: {place}", place=public)] if public else [])):
        yield f"    - {place}"


def _write_risk(profile: CountryProfile, cc: str, columns: int) -> Iterator[str]:
    title = say(profile.title)
    yield from _part(say("The risk (profile for {cc}: {title})", cc=cc, title=title) if cc not in ("", "ZZ") else
                     say("The risk (profile while the country is not told: {title})", title=title), [profile.text],
                     columns)


def _part(title: str, paragraphs: Sequence[str], columns: int, **values: object) -> Iterator[str]:
    yield ""
    yield title
    for paragraph in paragraphs:
        yield from _wrap(say(paragraph, **(values if "{" in paragraph else {})), "  ", columns)


def _wrap(text: str, indent: str, columns: int, *, hang: str = "") -> Iterator[str]:
    yield from fold_line(text, columns, first=indent, rest=indent + hang)
