"""How long answers over UDP are: those that came, and what one that never came would have been.

Some paths lose long answers: old firewalls drop what exceeds 512 bytes, tunnels and filters lose fragments (RFC 9715
section 2). A name with a long answer then meets silence at every resolver that is asked over UDP, whoever owns it.
So silence tells something of a name only where an answer as long as its own came through.

Lengths of what never came are estimated from what others said of the name, with no name compressed (RFC 1035 section
4.1.4): rather too long than too short.
"""

from __future__ import annotations

from collections.abc import Iterable

from probe.core.observations import Observation

_HEADER, _QUESTION, _OPTIONS = 12, 6, 11
"""Bytes of a message's header, of a question beside its name, and of an OPT record (RFC 6891 section 6.1.2)."""
_RECORD = 12
"""Bytes of a record beside its data, where its owner is a pointer."""
_ADDRESS = {"A": 4, "AAAA": 16}


def find_longest_reply(lookups: Iterable[Observation]) -> int:
    """Bytes of the longest answer over UDP among these, at least; 0 where none came."""
    return max((o.bytes_read // max(1, len(o.dns.replies)) or _estimate(o, spared=True) for o in lookups
                if o.dns.engine == "udp" and (not o.failure or o.dns.rcode in ("NOERROR", "NXDOMAIN"))), default=0)


def estimate_shortest(known: Iterable[Observation]) -> int:
    """Bytes of the shorter of a name's two answers, for IPv4 and for IPv6, as far as anybody gave them: no path that
    carries so much loses both for their length. 0 where nobody gave one."""
    lengths: dict[str, int] = {}
    for o in known:
        if o.dns.answers and o.dns.query_type in _ADDRESS:
            lengths[o.dns.query_type] = max(lengths.get(o.dns.query_type, 0), _estimate(o))
    return min(lengths.values(), default=0)


def _estimate(o: Observation, *, spared: bool = False) -> int:
    """`spared`: with all names of the chain compressed to pointers."""
    chain = sum(_RECORD + (2 if spared else len(name) + 2) for name in o.dns.cnames)
    addresses = len(o.dns.answers) * (_RECORD + _ADDRESS.get(o.dns.query_type, 0))
    return _HEADER + _QUESTION + len(o.hostname) + chain + addresses + _OPTIONS
