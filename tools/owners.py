"""docs/owners.md: who owns the services and their fronts, with the sources, and where law makes operators refuse."""

from __future__ import annotations

from grid import grid
from probe.catalogue.owner_types import Owner
from probe.catalogue.packaged import load_owners, load_sanctions, load_services
from probe.core.tables.owner_words import OWNER_KINDS
from probe.inference.evidence.company import COMPANY

_HEAD = """# Who owns the services, and what they stand behind

This page lists the organisation that owns each service, and the networks in which the service's servers stand.
`make docs` generates it from `probe/catalogue/owners.toml` and `probe/catalogue/sanctions.toml`. A service that is not
in the table counts as its own owner.

The table contains only well-known networks, fronts (servers that accept connections for many customers) and DNS hosts.
An empty cell means that we know of none.

The probe needs to know owners for one kind of evidence, which is called `company`. If services of {company} unrelated
owners fail in the same way in one run, no single service is the cause. Two services are unrelated if all three
conditions hold:

- They have different owners.
- Different networks accept the connections for the two services, as far as the run's addresses or this table show.
- They have no known DNS host or transit network in common.

{kinds}
"""
_SANCTIONS = """## Where law makes operators refuse

Sanctions forbid owners in some countries to serve certain other countries. If an owner may refuse a country, its
services' failures in this country do not count for the evidence `company`, because the owner may be the cause.

Each row of the table below is a refused country. The column `seats` names the home countries of the owners who must
refuse it. Owners with other seats often keep away from the refused country too, so their services do not count there
either. The same holds for services behind the front of an owner whose services do not count.

These owners' services count in a refused country nevertheless:

- owners in the column `serve all the same`
- owners with a seat in the refused country, and without a seat in the column `seats`
- in Ukraine (UA), where the sanctions concern only a part of the country, all owners without a seat in `seats`

After sanctions have ended, these rules stay, because operators often continue to refuse. [services.md](services.md)
says which single operators refuse a country by their own choice.
"""


def page() -> str:
    """The whole document."""
    owners = load_owners()
    head = ("owner", "id", "kinds", "seats", "services", "networks", "stands behind", "source")
    table = grid(head, [_row(name, owner) for name, owner in sorted(owners.items())])
    listed = {service for owner in owners.values() for service in owner.services}
    many = ", ".join(f"`{name}`" for name in load_services() if name not in listed)
    sanctions = grid(("country", "since", "until", "seats", "serve all the same", "source"), [
        (s.country, str(s.since), str(s.until or ""), ", ".join(s.seats), ", ".join(f"`{name}`" for name in s.serves),
         s.source) for s in load_sanctions()])
    return "\n".join((
        _HEAD.format(company=f"{COMPANY}", kinds=grid(("kind", "meaning"), list(OWNER_KINDS.items()))), table, "",
        f"These services have many owners; the host name decides who the owner is: {many}.", "", _SANCTIONS,
        sanctions, ""))


def _row(name: str, owner: Owner) -> tuple[str, ...]:
    networks = [*(f"AS{asn}" for asn in owner.asns), *([f"{len(owner.prefixes)} prefixes"] if owner.prefixes else [])]
    behind = dict.fromkeys((*owner.fronts, *owner.dns_hosts, *owner.caches, *owner.transits))
    return (owner.title, f"`{name}`", ", ".join(owner.kinds), ", ".join(owner.countries), ", ".join(owner.services),
            ", ".join(networks), ", ".join(f"`{other}`" for other in behind if other != name), owner.source)
