"""Legal block lists that targets can be compared with: whose they are, and in which form they come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """One list; `form` is a word of `FORMS`."""

    name: str
    cc: str
    """Country whose networks are asked to follow it; empty: whoever uses `list` or `table` says it."""
    form: str
    title: str


FORMS: Mapping[str, str] = MappingProxyType({
    "zi": "semicolons, Windows-1251, no header: addresses|..., names|..., URLs | ..., body, decision, date",
    "rkn": "XML `reg:register` with `content` elements, as the authority gives it to providers",
    "json": "JSON: a list of texts; a list of objects with domain, domains, ips, urls; or names with such objects",
    "hazard": "XML `Rejestr` with `PozycjaRejestru`: AdresDomeny, DataWpisu, DataWykreslenia",
    "list": "text: a name, *.name, URL, address or network a line, also as in a hosts file; # begins a comment",
    "table": "CSV with a header: host, url or address, and where they are known date, until, authority, decision",
})
"""Form -> what it looks like."""

REGISTERS: Mapping[str, Register] = MappingProxyType({
    register.name: register
    for register in (
        Register(name="zi", cc="RU", form="zi", title="Roskomnadzor, dump of the zapret-info project (dump.csv, .gz)"),
        Register(name="rkn", cc="RU", form="rkn", title="Roskomnadzor, the register itself (dump.xml)"),
        Register(name="rublacklist", cc="RU", form="json",
                 title="Roskomsvoboda, API v3: domains, ips, or dpi (slowed, and in no register)"),
        Register(name="ua", cc="UA", form="json", title="Ukraine, sanctions decrees (all.json of uablacklist)"),
        Register(name="ua-names", cc="UA", form="list", title="Ukraine, the same as names (domains.txt)"),
        Register(name="cuii", cc="DE", form="json", title="Germany, CUII (copyright; a community's API)"),
        Register(name="agcom", cc="IT", form="list", title="Italy, AGCOM and others, as names or URLs"),
        Register(name="trustpositif", cc="ID", form="list", title="Indonesia, Trust Positif (domains_isp)"),
        Register(name="hazard", cc="PL", form="hazard", title="Poland, register of gambling domains"),
        Register(name="mfcr", cc="CZ", form="list", title="Czechia, gambling"),
        Register(name="emta", cc="EE", form="list", title="Estonia, gambling"),
        Register(name="list", cc="", form="list", title="any list of names, URLs or addresses"),
        Register(name="table", cc="", form="table", title="a table of one's own, as of orders that are known by press"),
    )
})

LISTED, NOT_LISTED, UNAVAILABLE = "listed", "not_listed", "register_unavailable"

STANDINGS: Mapping[str, str] = MappingProxyType({
    LISTED: "an entry names it, in the way that the column `match` tells",
    NOT_LISTED: "no entry names it; it can be blocked all the same: many blocks are never entered",
    UNAVAILABLE: "the list could not be read, so nothing is said",
})

MATCHES: Mapping[str, str] = MappingProxyType({
    "url": "the very URL is listed",
    "host": "the name is listed",
    "mask": "the name lies below one that is listed as *.name",
    "parent": "the name lies below one that is listed as a whole domain",
    "mask_apex": "*.name is listed, and this is name itself; lists are read both ways",
    "url_host": "single pages on this host are listed, not the host",
    "address": "an address of it is listed",
    "network": "a network around an address of it is listed",
})
"""Kind of match -> meaning, the strongest first."""

MEASURED: Mapping[str, str] = MappingProxyType({
    "blocked": "a run in the list's country found it blocked; first_blocked_time tells when first",
    "reachable": "runs there found it reachable, and never blocked",
    "undecided": "runs there decided neither",
    "not_measured": "no run there, or no results were given",
})
