"""What a run sends at each level of consent, in words that a volunteer understands; the consent text uses them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from probe.core.tables.handshakes import HANDSHAKES

TEXT_NUMBER = 5
"""Number of the consent text. Whoever changes what it says raises it: everybody is asked again."""


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
    Sent(word="search", level=2,
         meaning="a blocked name, or a messenger's first words, said again up to nine times a day for each service "
                 "with rising time to live, to find the hop that blocks it; in countries where that may harm people at "
                 "level 3 alone"),
    Sent(word="transfers", level=3,
         meaning="more of large pages, and up to some megabytes a run where a service is slowed"),
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


def list_sent(level: int) -> tuple[str, ...]:
    """The words of everything that a run may send at this level."""
    return tuple(row.word for row in SENT if row.level <= level)
