"""docs/services.md: of each service what is measured, how strongly an answer proves it, and what is not measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from grid import grid
from probe.catalogue.load import load_catalogue
from probe.catalogue.programs import PROGRAM_HELLOS, USERS
from probe.catalogue.proof_strength import STRENGTHS, explain_unmeasured, rate_proof
from probe.catalogue.types import Catalogue, Service
from probe.core.endpoints import Endpoint
from probe.core.tables.handshakes import HANDSHAKES
from probe.core.tables.protocols import PROTOCOLS
from probe.core.tables.roles import ACCOUNT_PARTS, ROLES

_HEAD = """# What is measured of each service

Generated from the catalogue and the tables of protocols by `make docs`. {measured} endpoints of {services} services are
measured. Another {others} are listed and reported as `not_attempted`, with the reason that stands here.

A service is judged role by role. **Needed** says how many of a role's targets must answer for it to work. Only those
with the strongest words count: a messenger's own before pages and TLS, these before names and open ports. A blocked
target is named in any case. **Level** is the consent that the endpoints take.

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
    parts = [head, *_shapes(), "## Messengers' own first words\n", words]
    for name in dict.fromkeys(e.service for e in own):
        parts += ["", *_section(name, catalogue, [e for e in own if e.service == name])]
    return "\n".join(parts) + "\n"


_SHAPES = """## As people's programs ask

About once a day and site, an endpoint that speaks TLS gets a ClientHello built as a program's besides our own, as far
as the server's answer. Lot draws the program, as often as people are supposed to use it; after an imitation one that
was captured follows. `ok` speaks for the shapes that were answered (`spared`) and for our own, and is at most 0.7 sure
where those of half of the role's users were not. A shape is a shape: many programs build the same, and a program's next
version may build another. An imitation accuses nobody by itself. Calls over DTLS and real ECH are not measured.

All shapes are built from tables, so none needs a further package. `utls` (2026.10.3) offers Chrome's as a whole TLS
library instead of Python's; its hello has the same JA4 as the one that was captured from Chromium. The handshake
ends with the server's first answer, so the library would show nothing that the table does not.
"""


def _shapes() -> Iterator[str]:
    """Whose hellos are sent, and which role's users send them."""
    yield _SHAPES
    yield grid(("shape", "built as", "day", "how sure", "larger than a segment"), [
        (f"`{hello.shape}`", hello.version, hello.seen,
         "captured from the program" if hello.verified else "an imitation, unverified", "yes" if hello.is_large else "")
        for hello in PROGRAM_HELLOS.values()])
    yield ""
    yield grid(("role", "its users' shapes, and how many of all"), [
        (role, ", ".join(f"{shape} {weight / sum(users.values()):.0%}" for shape, weight in users.items()))
        for role, users in USERS.items() if users])
    yield ""


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
