"""What the evidence has that an accusation can rest on (`probe.core.tables.basis_words`)."""

from __future__ import annotations

from probe.core.tables.basis_words import Basis
from probe.inference.rules.name_context import NameEvidence, is_false_answer, is_marked_elsewhere, is_restricted
from probe.inference.rules.path_context import PathContext, shows_injection

ALIKE_SHAPES = 2
"""Other services that refuse the library's hello alike: with the one that is judged they are three."""


def find_path_bases(c: PathContext) -> frozenset[Basis]:
    """Of one address of an endpoint."""
    found: dict[Basis, bool] = {
        "packets": shows_injection(c),
        "place": _acts_before_the_door(c),
        "content": c.path.mark.fits,
        "company": c.path.shapes.others_alike >= ALIKE_SHAPES,
    }
    return frozenset(basis for basis, holds in found.items() if holds)


def _acts_before_the_door(c: PathContext) -> bool:
    """The search found the place, or attempts and datagrams are lost where others pass, or the name is struck alike at
    another owner's server, whose operator agreed to be asked."""
    path = c.path
    located = "before" in (path.located.where, path.located_by_name.where)
    return located or "near" in (path.lost, path.udp.lost) or path.shapes.elsewhere == "name"


def find_name_bases(e: NameEvidence) -> frozenset[Basis]:
    """Of a name's lookups."""
    found: dict[Basis, bool] = {
        "packets": e.dns.two_senders,
        "place": e.dns.located.where == "before" or _is_struck_on_the_way(e),
        "content": _is_false_by_itself(e),
        "company": e.shared_answer,
    }
    return frozenset(basis for basis, holds in found.items() if holds)


def _is_false_by_itself(e: NameEvidence) -> bool:
    """Two answers to one question, an answer where no resolver is, an address that no public name has, or a known block
    address that serves nothing of the name: no server of the name's own gives these."""
    way = e.dns.port53
    return (e.dns.injected or e.dns.dark_answered or way.led_astray or way.tcp_malformed or is_false_answer(e)
            or is_marked_elsewhere(e) or is_restricted(e))


def _is_struck_on_the_way(e: NameEvidence) -> bool:
    """The same question meets the same at resolvers of two unrelated operators while encrypted questions are answered:
    what acts lies on the way that both share."""
    if e.dns.network == "ok":
        return bool(e.dns.public_answers & e.dns.network_answers) and e.dns.trusted_ok > 0 and not e.dns.consistent
    return e.dns.network == e.dns.public and e.dns.trusted_ok > 0
