"""What a situation looks like to an ordinary program on the client's side, in words: all that an innocent and its
twin share.

    LOOKS["hello"](w)  ->  "reset"

The words: served, reset, closed, alert; refused (a SYN is), dark (nobody answers a SYN), told off (ICMP says so),
unheard (what was said is never acknowledged), unanswered (it is, and nothing follows); an HTTP status; a certificate
for another name, its own authority's, or too old; a DNS response code, or where the addresses lead.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID
from scapy.layers.inet import ICMP

from lab_both_ends import pull
from lab_datagrams import binding_request, initial
from lab_fidelity import Flow, Place, Watched
from lab_fidelity_checks import is_acknowledged
from lab_first_words import first_words
from lab_innocents import ask, crowd, fault, fetch

Look = Callable[[Watched], str]

BRIEF_S = 2.0
"""How long silence is listened to: several of the longest round trips."""
LONG_S = 9.5
"""How long an end is waited for: less than the laboratory's servers keep a silent connection."""
MANY: Final = 24
"""Tries where some fail by chance: that all or none do is one case in thousands."""
LONG_BYTES = 60_000
"""More than any of these fronts and boxes lets pass at once."""
_WORDS: Mapping[str, str] = {"": "served", "ECONNRESET": "reset", "EPIPE": "reset", "ECONNREFUSED": "refused",
                             "EHOSTUNREACH": "told off", "ENETUNREACH": "told off", "closed": "closed"}
_TOLD_OFF = (3, 11)
"""ICMP: destination unreachable, and time exceeded."""


def _word(w: Watched, flow: Flow) -> str:
    """How an exchange over TCP ended."""
    if flow.failure != "timeout":
        return "alert" if flow.failure.startswith("tls ") else _WORDS.get(flow.failure, flow.failure)
    if flow.stage == "connect":
        return "told off" if _is_told_off(w) else "dark"
    return "unanswered" if is_acknowledged(w, flow) else "unheard"


def _answer_to_bytes(w: Watched, flow: Flow) -> str:
    """The same of bytes that were said as they are: the end of the connection is no failure of these."""
    return "closed" if not (flow.failure or flow.data) else _word(w, flow)


def _is_told_off(w: Watched) -> bool:
    return any(p.ip.haslayer(ICMP) and p.ip[ICMP].type in _TOLD_OFF for p in w.from_server())


def _all(words: Sequence[str]) -> str:
    """One word for all that were drawn, where they fare alike."""
    return " or ".join(sorted(set(words)))


def hello(w: Watched) -> str:
    """Each target's handshake under its own name."""
    return _all([_word(w, w.tls(place, timeout_s=BRIEF_S)) for place in w.targets()])


def hello_over_ipv6(w: Watched) -> str:
    """A handshake with the target's first IPv6 address, and one with its first IPv4 address."""
    t = w.target("t")
    address = next(text for text in t.addresses if ":" in text)
    six = _word(w, w.tls(address, name=t.sni, port=t.port, timeout_s=BRIEF_S))
    return f"{six}, and {_word(w, w.tls(t, timeout_s=BRIEF_S))} over IPv4"


def syn(w: Watched) -> str:
    """A connection to each target, and nothing said on it."""
    return _all([_word(w, w.connect(place, timeout_s=BRIEF_S)) for place in w.targets()])


def request(w: Watched) -> str:
    """A request in the clear for the target's own host: how it fails, or the status."""
    flow = w.http(w.target("t"), timeout_s=BRIEF_S)
    return flow.data.split()[1].decode() if flow.data.startswith(b"HTTP/") else _answer_to_bytes(w, flow)


def said(w: Watched) -> str:
    """What follows a request in the clear: where it leads, or the title of what it shows."""
    text = w.http(w.target("t"), timeout_s=BRIEF_S).data.decode("utf-8", "replace")
    if "\r\nlocation: " in text.lower():
        return "elsewhere"
    return text.partition("<title>")[2].partition("</title>")[0]


def page(w: Watched) -> str:
    """The status of the page behind the service's own certificate."""
    found = fetch(w, w.target("t"), trust="certifi")
    return str(found["failure"] or found["status"])


def body(w: Watched) -> str:
    """Whether more of a page comes than a server with a cap gives."""
    found, most = fetch(w, w.target("t"), trust="certifi"), fault(w, "small_cap")["bytes"]
    assert isinstance(most, int)
    return str(found["failure"]) or ("within the cap" if found["bytes"] <= most else "beyond the cap")


def certificate(w: Watched) -> str:
    """Whose certificate the target's first address shows under the target's name."""
    t = w.target("t")
    shown = x509.load_der_x509_certificate(w.tls(t).certificate)
    held = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    if shown.issuer == shown.subject:
        return "signed by itself"
    if t.sni not in held.get_values_for_type(x509.DNSName):
        return "another name"
    if shown.not_valid_after_utc < datetime.now(UTC):
        return "too old"
    return str(shown.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def some_hellos(w: Watched) -> str:
    """Many handshakes with the target's first address, side by side."""
    return _all([_word(w, flow) for flow in crowd([lambda: w.tls(w.target("t"))] * MANY)])


def kept(w: Watched) -> str:
    """A handshake, and then another on whose connection the end is waited for."""
    words = [_word(w, w.tls(w.target("t"), timeout_s=BRIEF_S)),
             _word(w, w.tls(w.target("t"), stays=True, timeout_s=LONG_S))]
    return ", then ".join(words)


def syns(w: Watched) -> str:
    """One connection after another, until one fails: the first and the last."""
    words = [_word(w, w.connect(w.target("t"), timeout_s=BRIEF_S))]
    while words[-1] == "served" and len(words) < MANY:
        words.append(_word(w, w.connect(w.target("t"), timeout_s=BRIEF_S)))
    return f"{words[0]}, then {words[-1]}"


def hello_after_foreign(w: Watched) -> str:
    """A handshake under a foreign name, and then one under the target's own."""
    t = w.target("t")
    words = [_word(w, w.tls(t, name=name, timeout_s=BRIEF_S)) for name in ("www.example.com", t.sni)]
    return ", then ".join(words)


def syn_after_hello(w: Watched) -> str:
    """A handshake under the target's own name, and then a connection on which nothing is said."""
    t = w.target("t")
    return f"{_word(w, w.tls(t, timeout_s=BRIEF_S))}, then {_word(w, w.connect(t, timeout_s=BRIEF_S))}"


def transfer(w: Watched) -> str:
    """What was done, by the truth log, to a long download from a target."""
    flow = pull(w, w.target("t"), wanted=LONG_BYTES, patience_s=BRIEF_S)
    done = {entry.action for entry in w.truth() if entry.address == flow.address}
    return _all([*done]) if done else _WORDS.get(flow.failure, flow.failure)


def name(w: Watched) -> str:
    """What the network's resolver says of each target's name."""
    return _all([_answer(w, place) for place in w.targets()])


def _answer(w: Watched, place: Place) -> str:
    found = ask(w, place.host)
    if found["rcode"] != "NOERROR" or not found["addresses"]:
        return str(found["rcode"]) if found["rcode"] != "NOERROR" else "no address"
    given = [ipaddress.ip_address(text) for text in found["addresses"]]
    if not all(address.is_global for address in given):
        return "inner address"
    return "genuine" if set(found["addresses"]) <= set(place.addresses) else "somebody else's"


def quic(w: Watched) -> str:
    """A QUIC handshake under the target's own name."""
    t = w.target("t")
    return w.udp(t, initial(t.sni), port=t.port, timeout_s=BRIEF_S).failure or "served"


def datagrams(w: Watched) -> str:
    """Many datagrams, each of which a healthy server answers: whether most are."""
    t = w.target("t")
    ask_once = initial(t.sni) if t.protocol == "quic" else binding_request()
    flows = crowd([lambda: w.udp(t, ask_once, port=t.port, timeout_s=BRIEF_S)] * MANY)
    return "most" if sum(not flow.failure for flow in flows) > MANY / 2 else "few"


def words(w: Watched) -> str:
    """A messenger's own first words to each target."""
    flows = [w.tcp(place, first_words(place.protocol), read_bytes=1, timeout_s=BRIEF_S) for place in w.targets()]
    return _all([_answer_to_bytes(w, flow) for flow in flows])
