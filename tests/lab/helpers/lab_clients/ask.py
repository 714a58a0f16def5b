"""One DNS question on the client side, told as JSON: response code, addresses, extended errors (RFC 8914), how
many HTTPS records (RFC 9460), and whether any has keys for Encrypted ClientHello.

Arguments: name, type, server (empty: what resolv.conf names), seconds to wait for an answer.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import dns.edns
import dns.exception
import dns.message
import dns.query
import dns.rcode


def resolver() -> str:
    """The server that resolv.conf(5) names."""
    lines = Path("/etc/resolv.conf").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith("nameserver"))


def ask(name: str, kind: str, server: str, timeout_s: float) -> dict[str, object]:
    """The answer, or `timeout` or the error's name as its response code."""
    query = dns.message.make_query(name, kind, use_edns=0)
    try:
        reply = dns.query.udp(query, server, timeout=timeout_s)
    except dns.exception.Timeout:
        return {"server": server, "rcode": "timeout", "addresses": [], "ede": [], "records": 0, "keys": False}
    except OSError as error:
        return {"server": server, "rcode": type(error).__name__, "addresses": [], "ede": [], "records": 0,
                "keys": False}
    found = [item.to_text() for rrset in reply.answer for item in rrset if rrset.rdtype.name in ("A", "AAAA")]
    errors = [int(option.code) for option in reply.options if isinstance(option, dns.edns.EDEOption)]
    https = [item.to_text() for rrset in reply.answer for item in rrset if rrset.rdtype.name == "HTTPS"]
    return {"server": server, "rcode": dns.rcode.to_text(reply.rcode()), "addresses": found, "ede": errors,
            "records": len(https), "keys": any("ech=" in text for text in https)}


if __name__ == "__main__":
    wanted, qtype, at, wait_s = sys.argv[1:]
    print(json.dumps(ask(wanted, qtype, at or resolver(), float(wait_s))))
