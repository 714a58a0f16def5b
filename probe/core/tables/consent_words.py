"""What a run sends at each level of consent, in words that a volunteer understands; the consent text uses them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from probe.core.tables.handshakes import HANDSHAKES

TEXT_NUMBER = 6
"""Number of the consent text. Whoever changes what it says raises it: everybody is asked at the next set-up."""
TEXTS_IN_FORCE = (5, TEXT_NUMBER)
"""Whoever agreed to one of these goes on as agreed: what a later text added is not sent (`Sent.since`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One sort of traffic: its word in a consent record, the level that it takes, and what it is."""

    word: str
    level: int
    meaning: str
    protocols: tuple[str, ...] = ()
    """Of `probe.core.tables.protocols`: what is spoken only where this was agreed to."""
    shapes: tuple[str, ...] = ()
    """Of `probe.core.tables.shapes`, in the same way."""
    since: int = 5
    """The first text in force that names it."""
    by_profile: bool = False
    """Whether the country's profile decides if it is sent, asked for or left out."""


SENT: tuple[Sent, ...] = (
    Sent(word="names", level=1, protocols=("dns",),
         meaning="questions for the names of some fifty messengers, also for their HTTPS records as phones ask for "
                 "them, to your network's resolver and to public ones; where an answer looks false, a few to addresses "
                 "that run no resolver"),
    Sent(word="visits", level=1, protocols=("tcp", "tls", "http"),
         meaning="visits to their servers, as a browser makes them: connections, TLS handshakes that show the name, "
                 "first pages; and to well-known web sites for comparison. Core services, and up to six that "
                 "failed at times before, are visited two or three times a run; in scheduled runs one connection to "
                 "each core service stays open for 15 seconds"),
    Sent(word="greetings", level=1, protocols=tuple(h.protocol for h in HANDSHAKES.values() if not h.marks_sender),
         meaning="greetings in protocols that are nothing special, such as mail's"),
    Sent(word="hellos", level=1, shapes=("browser", "small", "narrow"),
         meaning="where a handshake fails, further ones that are built otherwise"),
    Sent(word="programs", level=1,
         shapes=("chrome", "firefox", "conscrypt", "conscrypt_large", "openssl", "openssl_small", "safari"),
         meaning="about once a day for each server, a handshake or two as common browsers and apps begin them, broken "
                 "off when the server answers; where one fails and the probe's own does not, some more of both, and "
                 "one such handshake to up to five other servers"),
    Sent(word="records", level=1,
         meaning="about once a day for each server, on a connection that is open anyway, the beginning of a request in "
                 "very small pieces (about 4 kB); with level 2 the same on up to five further connections, where they "
                 "are not acknowledged"),
    Sent(word="chat_words", level=1, since=6, by_profile=True,
         meaning="the first words of the apps themselves to chat servers of Telegram, WhatsApp, WeChat and Viber, to "
                 "at most two servers of each, about once an hour: to an observer your device has such an app. They "
                 "are sent only while your line lies in the country that you told; if the device does not know its "
                 "public address, name servers of OpenDNS, Google and Akamai are asked for it"),
    Sent(word="innocents", level=1, since=6,
         meaning="an innocent name at a server's address before and after its own name. Some networks punish a "
                 "forbidden name: for some minutes your own apps may not reach that server either. A run sets this "
                 "off on purpose at most once a day for each service"),
    Sent(word="volume", level=1, since=6,
         meaning="parts of a page that lie on the same server, at most 300 kB a page, and a chat's connection left "
                 "open for a minute"),
    Sent(word="neighbours", level=1, since=6,
         meaning="where a service is slow or cut off, at most one connection a day to a server near it that publishes "
                 "test files or whose operator agreed"),
    Sent(word="turns", level=1,
         meaning="where a service's connections lose packets or are cut off after some seconds, up to some seventy "
                 "further small ones for three services at most, in turns with others (about 250 kB)"),
    Sent(word="hops", level=1,
         meaning="where a server does not answer, or is answered for too soon, connection attempts that die on the "
                 "way, to its address and to one next to it, to see where they are lost or who is on the way"),
    Sent(word="first_words", level=2, protocols=tuple(h.protocol for h in HANDSHAKES.values() if h.marks_sender),
         meaning="the first words of the messengers' own protocols: to an observer your device has such an app"),
    Sent(word="delicate_names", level=2,
         meaning="names that some companies take for a sign of malware, such as Session's"),
    Sent(word="calls", level=2, protocols=("stun",),
         meaning="the requests that come before calls (STUN)"),
    Sent(word="call_words", level=2, since=6,
         meaning="what a call begins with (STUN, DTLS), to helpers whose operators agreed to it, and to the services' "
                 "own relays"),
    Sent(word="media_words", level=2, since=6,
         meaning="the first words of the apps themselves to servers of pictures and films"),
    Sent(word="search", level=2,
         meaning="a blocked name, or a messenger's first words, said again up to nine times a day for each service "
                 "with rising time to live, to find the hop that blocks it; in countries where that may harm people at "
                 "level 3 alone"),
    Sent(word="transfers", level=3,
         meaning="more of large pages, and up to some megabytes a run where a service is slowed"),
    Sent(word="uploads", level=3, since=6,
         meaning="as much the other way, and the same under an innocent name at the same address"),
    Sent(word="quic", level=3, protocols=("quic",),
         meaning="QUIC handshakes, which few programs but browsers make"),
    Sent(word="unusual_hellos", level=3, shapes=("split", "large", "ech"),
         meaning="handshakes that circumvention tools make too: cut within the name, with ECH"),
    Sent(word="residue", level=3,
         meaning="innocent names asked again for some minutes where a block was set off"),
    Sent(word="fronts", level=3,
         meaning="names that serve only circumvention, such as Signal's front"),
    Sent(word="elsewhere", level=3,
         meaning="blocked names to servers whose operators agreed to it"),
)

LEVELS: Mapping[int, str] = MappingProxyType({
    1: "everyday: what opening the messengers' web pages sends",
    2: "sensitive: to an observer you seem to use the apps themselves",
    3: "exposing: traffic that an observer who looks for it knows for a measurement or for circumvention",
})

CONCERNED: Mapping[str, str] = MappingProxyType({
    "household": "everybody who uses this line: suspicion may fall on them",
    "employer": "your employer, school or host, if the line or the device is theirs",
    "owner": "the owner of the line, whose name is on the contract",
})


def list_sent(level: int, *, text: int = TEXT_NUMBER, by_profile: bool = False) -> tuple[str, ...]:
    """The words of everything that a run may send at this level by this text; `by_profile`: also of what the country's
    profile decides."""
    return tuple(row.word for row in SENT
                 if row.level <= level and row.since <= text and (by_profile or not row.by_profile))
