"""docs/services.md: of each service what is measured, how strongly an answer proves it, and what is not measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from grid import grid
from probe.catalogue.load import load_catalogue
from probe.catalogue.proof_strength import STRENGTHS, explain_unmeasured, rate_proof
from probe.catalogue.types import Catalogue, Service
from probe.core.endpoints import Endpoint
from probe.core.tables.handshakes import HANDSHAKES
from probe.core.tables.protocols import PROTOCOLS
from probe.core.tables.roles import ACCOUNT_PARTS, ROLES

_HEAD = """# What is measured of each service

Generated from the catalogue and the tables of protocols by `make docs`. {measured} endpoints of {services} services are
measured; {others} are listed and reported as `not_attempted`, with the reason that stands here.

A service is judged role by role. **Needed** says how many of a role's targets must answer for it to work: of those
with the strongest words, a messenger's own before pages and TLS, these before names and open ports. What is blocked is
named in any case. **Level** is the consent that the endpoints take.

{roles}

{strengths}
"""


def page() -> str:
    """The whole document."""
    catalogue = load_catalogue(None, search=False)
    own = [e for e in catalogue.endpoints if e.service in catalogue.services]
    head = _HEAD.format(
        measured=sum(not explain_unmeasured(e) for e in own), services=len({e.service for e in own}),
        others=sum(bool(explain_unmeasured(e)) for e in own),
        roles=grid(("role", "what it does"), [row for row in ROLES.items() if row[0] != "control"]),
        strengths=grid(("strength of an answer", "meaning"), list(STRENGTHS.items())))
    words = grid(("protocol", "what is said", "what proves the answer", "strength", "source"), [
        (f"`{h.protocol}`", h.sends, h.proof, h.strength, h.source) for h in HANDSHAKES.values()])
    parts = [head, "## Messengers' own first words\n", words]
    for name in dict.fromkeys(e.service for e in own):
        parts += ["", *_section(name, catalogue, [e for e in own if e.service == name])]
    return "\n".join(parts) + "\n"


def _section(name: str, catalogue: Catalogue, rows: Sequence[Endpoint]) -> Iterator[str]:
    service = catalogue.services[name]
    yield f"## {service.title}\n"
    yield f"`{name}`. {' '.join(_facts(service))}\n"
    table = []
    for role in ROLES:
        here = [e for e in rows if e.role == role]
        measured = [e for e in here if not explain_unmeasured(e)]
        strongest = max((PROTOCOLS[e.protocol].worth for e in measured), default=0)
        targets = {e.target_id for e in measured if PROTOCOLS[e.protocol].worth == strongest}
        if here:
            needed = f"{service.quorum.get(role, 'half')} of {len(targets)}" if targets else ""
            table.append((role, needed, _counted(measured), _levels(measured, service)))
    yield grid(("role", "needed", "measured endpoints", "level"), table)
    missing = Counter((e.role, e.protocol, explain_unmeasured(e)) for e in rows if explain_unmeasured(e))
    if missing or service.needs_account:
        yield "\nNot measured:\n"
        yield from (f"- {ACCOUNT_PARTS[part]}: an account is needed." for part in service.needs_account)
        yield from (f"- {role}: {n} `{protocol}`. {why[0].upper()}{why[1:].rstrip('.')}."
                    for (role, protocol, why), n in missing.items())


def _facts(service: Service) -> Iterator[str]:
    yield f"Operator in {', '.join(service.operator_country)}."
    if service.closed:
        yield f"Closed on {service.closed.isoformat()}."
    if service.self_block:
        yield f"The operator itself refuses service in {', '.join(service.self_block.split())}."
    if service.notes:
        yield f"{service.notes[0].upper()}{service.notes[1:].rstrip('.')}."


def _counted(rows: Iterable[Endpoint]) -> str:
    counts = Counter((e.protocol, rate_proof(e)) for e in rows)
    return ", ".join(f"{n} `{protocol}` ({word})" for (protocol, word), n in counts.items())


def _levels(rows: Iterable[Endpoint], service: Service) -> str:
    found = sorted({max(PROTOCOLS[e.protocol].consent_level, service.consent_level) for e in rows})
    return ", ".join(map(str, found))
