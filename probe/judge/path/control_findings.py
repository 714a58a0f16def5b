"""What one control says of one address, at the stage at which our own attempts fail."""

from __future__ import annotations

from probe.catalogue.sites import Site
from probe.core.observations import ControlAnswer
from probe.core.places import Place
from probe.core.tables.control_sources import BUSY, SELECTIVE
from probe.core.tables.evidence_words import ControlFinding, Stage
from probe.core.tables.handshakes import FOREIGN, GENUINE_PROOFS
from probe.core.tables.words import Empty
from probe.judge.app.app_evidence import read_control_word
from probe.judge.http.refusal_evidence import SERVED, read_page_word

_OF_PAGES: tuple[Stage | Empty, ...] = ("http", "page", "")


def read_control_finding(stage: Stage | Empty, site: Site, control: ControlAnswer, known_as: str) -> ControlFinding:
    """ok or failed for the failing stage at this very address; the whole service's word where that is unknown. A page
    that is a refusal tells of whom it refuses, and nothing of the way from here."""
    where = Place(known_as, site.port)
    tcp, tls = dict(control.tcp), dict(control.tls)
    if stage == "connect":
        return ("failed" if tcp[where] else "ok") if where in tcp else ""
    if stage == "tls":
        if where in tls:
            return "failed" if tls[where] else "ok"
        if tcp.get(where):
            return "failed"
    if stage == "app":
        word = read_control_word(control, where)
        return "" if word == FOREIGN else word
    if stage in _OF_PAGES and control.http_failure is not None:
        if control.http_failure:
            return "failed"
        asked = next((e for e in site.endpoints if e.input == control.input), site.endpoints[0])
        return "ok" if read_page_word(control, asked) in SERVED else ""
    return ""


def reaches_address(stage: Stage | Empty, control: ControlAnswer, where: Place) -> bool:
    """Whether the failing stage works for the control at this very address; of pages over TLS, the handshake."""
    if stage == "connect":
        return dict(control.tcp).get(where) == ""
    if stage == "app":
        return dict(control.app).get(where) in GENUINE_PROOFS
    tls = dict(control.tls)
    if where in tls or stage not in _OF_PAGES:
        return tls.get(where) == ""
    return control.http_failure == "" and where.address in control.addresses


def may_leave_out(control: ControlAnswer) -> bool:
    """Whether what it does not tell was not looked at: a feed or a public network was not asked for these addresses,
    and a busy helper did not come to them."""
    return control.source in SELECTIVE or control.reason == BUSY


def reaches_in_country(stage: Stage | Empty, control: ControlAnswer, where: Place, cc: str) -> bool:
    """The same, as the control sees it from this country, where it has one line or several."""
    return (control.cc == cc or (where, cc) in control.served_in) and reaches_address(stage, control, where)


def says_more(control: ControlAnswer, port: int) -> bool:
    """Whether it tells of a page, a messenger's words, a key or a transfer."""
    return (control.http_failure is not None or bool(control.app) or control.volume_failure is not None
            or any(key and place.port == port for place, key in control.leaf_keys))
