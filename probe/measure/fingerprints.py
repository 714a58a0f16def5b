"""Known answers of censors: addresses, redirect places and page marks, each with its source and how far it goes.

Only facts that name their censor beyond doubt stand here: no pattern that a server's own refusal could show.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """`kind` is address (a DNS answer), location (host of a redirect) or body (text of a page)."""

    name: str
    kind: str
    value: str
    cc: str
    source: str


def _rows(kind: str, cc: str, source: str, *values: str) -> tuple[Fingerprint, ...]:
    return tuple(Fingerprint(name=f"{cc.lower()}_{kind}_{v}", kind=kind, value=v, cc=cc, source=source) for v in values)


FINGERPRINTS: tuple[Fingerprint, ...] = (
    *_rows("address", "CN", "OONI blocking-fingerprints", "8.7.198.45", "37.61.54.158", "46.82.174.68",
           "78.16.49.15", "93.46.8.89", "159.106.121.75", "203.98.7.65", "59.24.3.173", "243.185.187.39"),
    *_rows("address", "IR", "OONI blocking-fingerprints", "10.10.34.34", "10.10.34.35", "10.10.34.36", "d0::11"),
    *_rows("address", "TR", "OONI blocking-fingerprints", "195.175.254.2"),
    *_rows("address", "RU", "OONI blocking-fingerprints", "188.186.146.207", "188.186.146.208", "188.186.154.79",
           "188.186.154.88", "62.33.207.196", "62.33.207.197", "95.167.13.50", "95.167.13.51"),
    *_rows("address", "ID", "OONI blocking-fingerprints", "36.86.63.185"),
    *_rows("address", "MM", "OONI blocking-fingerprints", "59.153.90.11", "172.31.31.2", "103.105.174.6"),
    *_rows("address", "BY", "OONI blocking-fingerprints", "134.17.0.7"),
    *_rows("address", "DE", "OONI blocking-fingerprints", "167.233.14.14"),
    *_rows("address", "IT", "OONI blocking-fingerprints", "217.175.53.72", "83.224.65.74", "34.110.214.49"),
    *_rows("location", "ID", "net4people/bbs 316", "lamanlabuh.aduankonten.id", "internetpositif.id"),
    *_rows("location", "KR", "OONI blocking-fingerprints", "warning.or.kr", "www.warning.or.kr"),
    *_rows("location", "UZ", "OONI blocking-fingerprints", "reestr.mitc.uz"),
    *_rows("location", "BY", "OONI blocking-fingerprints", "internet.mts.by", "82.209.230.23"),
    *_rows("location", "MM", "OONI blocking-fingerprints", "notice.myanmarnet.com"),
    *_rows("location", "IR", "net4people/bbs 241", "10.10.34.34", "10.10.34.35", "10.10.34.36"),
    *_rows("body", "IR", "net4people/bbs 226", "http://10.10.34.34", "http://10.10.34.35", "http://10.10.34.36"),
    *_rows("body", "IN", "OONI blocking-fingerprints", "http://www.airtel.in/dot/?dpid="),
    *_rows("body", "PK", "OONI blocking-fingerprints", "http://119.73.65.87:8080/redirect.html?accessurl="),
)

_ADDRESSES = {f.value: f.name for f in FINGERPRINTS if f.kind == "address"}
_LOCATIONS = {f.value: f.name for f in FINGERPRINTS if f.kind == "location"}
_BODIES = tuple((f.value.encode(), f.name) for f in FINGERPRINTS if f.kind == "body")


def fingerprint_of_address(address: str) -> str:
    """Name of the fingerprint of a DNS answer, or empty."""
    return _ADDRESSES.get(address, "")


def fingerprint_of_page(location: str, body: bytes) -> str:
    """Name of the fingerprint of a redirect's host or of a page's text, or empty."""
    try:
        host = (urlsplit(location).hostname or "").lower()
    except ValueError:
        host = ""
    return _LOCATIONS.get(host, "") or next((name for text, name in _BODIES if text in body), "")
