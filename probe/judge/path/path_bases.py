"""What the evidence has that an accusation can rest on (`probe.core.tables.basis_words`)."""

from __future__ import annotations

from probe.core.tables.basis_words import Basis
from probe.core.tables.evidence_words import STRUCK_ELSEWHERE
from probe.judge.path.path_context import PathContext, find_struck_elsewhere, is_prohibited, shows_injection
from probe.judge.path.path_evidence import CONNECTION_REFUSED, CONNECTION_RESET
from probe.judge.program.program_rules import ALIKE_OWNERS, is_any_struck
from probe.judge.tcp.connect_rules import LIVES

ALIKE_SHAPES = 2
"""Other services that refuse the library's hello alike: with the one that is judged they are three."""


def find_path_bases(c: PathContext) -> frozenset[Basis]:
    """Of one address of an endpoint. Servers ban visitors, too, after one refusal; so where it was struck once, and
    punished since, company is none."""
    if is_any_struck(c):
        return _find_program_bases(c)
    once = c.path.punishment.is_once
    found: dict[Basis, bool] = {
        "packets": shows_injection(c),
        "place": _acts_before_the_door(c),
        "time": c.path.place.ends_too_soon and not c.path.place.may_be_door,
        "content": c.path.mark.fits,
        "company": not once and (c.path.company.is_enough or c.path.tls.shapes.others_alike >= ALIKE_SHAPES),
    }
    return frozenset(basis for basis, holds in found.items() if holds)


def _find_program_bases(c: PathContext) -> frozenset[Basis]:
    """Of programs' hellos, where the library's own are served: nothing else fails at the address."""
    seen = c.path.programs
    found: dict[Basis, bool] = {
        "packets": seen.anatomy.is_forged(seen.timing), "place": c.path.place.located.where == "before",
        "time": seen.timing.is_before_door and not c.path.place.may_be_door,
        "company": seen.others_alike >= ALIKE_OWNERS and seen.innocent == "reached",
    }
    return frozenset(basis for basis, holds in found.items() if holds)


def _acts_before_the_door(c: PathContext) -> bool:
    """The search found the place, or attempts and datagrams are lost where others pass, or the name is struck alike at
    another owner's server, or at helpers, whose operators agreed to be asked; or another name of the owner's is."""
    path = c.path
    return path.place.is_before_door or _is_lost_alone(c) or find_struck_elsewhere(c) in STRUCK_ELSEWHERE


def _is_lost_alone(c: PathContext) -> bool:
    """Attempts to connect, or datagrams, end where others pass, and not because a carrier has lost the way to the whole
    network: somebody says that they are prohibited, or refuses them, or a neighbour or another port is reached, or
    packets for a neighbour pass there."""
    path = c.path
    if path.udp.lost == "near":
        return bool(path.tcp.beside) or path.tcp.neighbour_passes
    spoken = path.failure in (CONNECTION_REFUSED, CONNECTION_RESET) or is_prohibited(c)
    routed = path.tcp.neighbour_passes or path.tcp.beside == "network"
    return path.tcp.lost == "near" and (spoken or path.tcp.other_port in LIVES or routed)
