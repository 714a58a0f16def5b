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

This page lists for each service what the probe measures. `make docs` generates the page from the catalogue and the
tables of protocols. The probe measures {measured} endpoints of {services} services. It only lists {others} more
endpoints: runs report these as `not_attempted`, and this page gives the reason.

The probe judges each role of a service (what its endpoints are for, such as chat or calls) separately. In the tables,
**needed** says how many of a role's targets must answer so that the probe calls the role `ok`. **Level** is the consent
level that the volunteer must allow.

If a role can be tested in several ways, only the targets with the strongest test count for its verdict. The strongest
test is to speak the messenger's own protocol. The next is to fetch a page or to speak TLS. The weakest is to look up a
name or to open a port. The probe reports each blocked target in any case.

The tables also rate each kind of answer with A, B or C, by how much it proves:

{strengths}

These are the roles:

{roles}
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
    parts = [head, *_shapes(), _WORDS, words]
    for name in dict.fromkeys(e.service for e in own):
        parts += ["", *_section(name, catalogue, [e for e in own if e.service == name])]
    return "\n".join(parts) + "\n"


_WORDS = """## Messengers' own first words

Many messengers have a protocol of their own, which begins with a handshake. The table says for each protocol what the
probe sends, which answer proves that the service itself answers, and how strong this proof is (A, B or C, as above).
"""

_SHAPES = """## As people's programs ask

Each program builds its ClientHello (the first message of TLS) in its own way; this is the ClientHello's **shape**. A
network may block the shapes of people's programs and let the probe's own shape pass. So about once a day for each site
that speaks TLS, the probe sends one more ClientHello, in the shape of a program that people use with this site. It ends
the exchange when the server answers.

The probe draws this program by lot, with the shares of users that the second table below supposes. A run with `--fast`
draws no lot: it takes the shape that most users have. The probe sends a second shape if the first one alone says too
little about most users (`probe/measurement/planning/program_plan.py` has the conditions).

A verdict `ok` holds for the probe's own ClientHello and for the programs' shapes that were answered (column `spared`).
If more than half of the role's users have programs whose shapes were not answered, the confidence of `ok` is at most
0.7.

A shape does not identify a program: many programs build the same shape, and a program's next version may build another.
Some shapes in the table are imitations, which were not captured from the program itself. If only imitations fail, the
probe accuses nobody.

The probe does not measure calls over DTLS, and does not use real ECH (which encrypts the names in ClientHellos).

"""


def _shapes() -> Iterator[str]:
    """Whose hellos are sent, and which role's users send them."""
    yield _SHAPES
    yield grid(("shape", "built as", "day", "how sure", "larger than a segment"), [
        (f"`{hello.shape}`", hello.version, hello.seen,
         "captured from the program" if hello.verified else "an imitation, unverified", "yes" if hello.is_large else "")
        for hello in PROGRAM_HELLOS.values()])
    yield ""
    yield grid(("role", "shapes of its users' programs, with their shares"), [
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
        yield "\nThe probe does not measure these parts of the service:\n"
        yield from (f"- {ACCOUNT_PARTS[part]}: an account is needed." for part in service.needs_account)
        yield from (f"- {role}: {n} {'endpoints' if n > 1 else 'endpoint'} (`{protocol}`). "
                    f"{why[0].upper()}{why[1:].rstrip('.')}."
                    for (role, protocol, why), n in missing.items())


def _facts(service: Service) -> Iterator[str]:
    seats = [cc for cc in service.operator_country if cc != "INTL"]
    yield (f"The operator of this service is in {' and '.join(seats)}." if seats
           else "This service has operators in several countries.")
    if service.closed:
        yield f"The operator closed the service on {service.closed.isoformat()}."
    if service.self_block:
        yield f"The operator itself refuses to serve {', '.join(service.self_block.split())}."
    if service.notes:
        yield f"{service.notes[0].upper()}{service.notes[1:].rstrip('.')}."


def _counted(rows: Iterable[Endpoint]) -> str:
    counts = Counter((e.protocol, rate_proof(e)) for e in rows)
    return ", ".join(f"{n} `{protocol}` ({word})" for (protocol, word), n in counts.items())


def _levels(rows: Iterable[Endpoint], service: Service) -> str:
    found = sorted({max(PROTOCOLS[e.protocol].consent_level, service.consent_level) for e in rows})
    return ", ".join(map(str, found))
