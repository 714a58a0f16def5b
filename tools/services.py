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
tables of protocols.

The probe measures {measured} endpoints of {services} services. The catalogue has {others} other endpoints, which the
probe does not measure. A run reports each of these as `not_attempted`, and this page gives the reason.

A service has several **roles**, such as chat or calls. The probe gives each role a verdict of its own. In the tables
below, **needed** says how many targets of a role must answer so that the verdict on this role is `ok`.

Volunteers choose a consent level from 1 to 3: at a higher level they agree to riskier tests. In the tables below,
**level** is the lowest consent level at which the probe measures an endpoint.

A role such as chat may have several targets, which the probe tests in different ways. The verdict on the role depends
only on the targets that get the strongest kind of test. These are the kinds of tests, from strong to weak:

1. speak the messenger's own protocol
2. fetch a page, or speak TLS
3. look up a name, or open a port

Each target of a role has a verdict of its own. So if one target is blocked, the results show this, even if enough
others answer and the role is `ok`.

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
probe sends, and which answer proves that the service itself answers. The column `strength` rates this proof: A is the
strongest, C the weakest.
"""

_SHAPES = """## As people's programs ask

Each program builds its ClientHello (the first message of TLS) in its own way; this is the ClientHello's **shape**. A
network may block the shapes of people's browsers and apps, and let the probe's own shape pass.

So the probe also imitates people's programs. About once a day it sends one more ClientHello to each site that speaks
TLS. This ClientHello has the shape of a browser or an app that people use with the site. The probe ends the exchange
when the server answers.

Each time, the probe draws by lot which browser's or app's ClientHello it imitates. Programs with more users (second
table below) are drawn more often. A run with `--fast` imitates the program with the most users instead.

If fewer than half of the site's users have the imitated browser or app, the probe also imitates other programs. It does
this with `--fast` too. `probe/session/planning/program_plan.py` says when else it imitates several programs.

A verdict `ok` says that the service answered the probe's own ClientHello. The column `spared` lists the programs whose
ClientHellos were answered too. If fewer than half of the service's users have these programs, the confidence of `ok` is
at most 0.7.

The shape of a ClientHello (how it is built) does not identify a program. Many programs build the same shape, and a
program's next version may build another shape.

Some shapes (forms of a ClientHello) in the table are imitations: we did not capture them from the program itself. If
only imitations fail, the probe accuses nobody.

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
