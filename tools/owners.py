"""Prints who owns the services and their fronts, with the sources, and where law makes operators refuse.

`python tools/owners.py > owners.md`; a release holds it.
"""

from __future__ import annotations

import sys

from grid import grid
from probe.catalogue.owner_types import Owner
from probe.catalogue.packaged import load_owners, load_sanctions, load_services
from probe.core.tables.owner_words import OWNER_KINDS
from probe.judge.common.company import COMPANY

_HEAD = """# Who owns the services, and what they stand behind

This page lists the organisation that owns each service, and the networks in which the service's servers stand.
`tools/owners.py` writes it from `probe/catalogue/owners.toml` and `probe/catalogue/sanctions.toml`. A service that is
not in the table counts as its own owner.

The table contains only well-known networks, well-known operators of name servers (DNS hosts), and well-known fronts:
servers that accept connections for many customers. An empty cell means that we know of none.

If {company} unrelated services fail in the same way in one run, the owners of these services are not the cause. The
tables of results call this evidence for a block `company`. Two services are unrelated if all three conditions hold:

- They have different owners.
- As far as the run's addresses or this table show, different networks accept connections for the two services.
- They share no known transit network and no known operator of name servers (DNS host).

{kinds}
"""
_SANCTIONS = """## Where law makes operators refuse

Sanctions forbid companies in some countries to serve people in certain other countries. Suppose that such a company
runs a messenger that fails in a sanctioned country. The company itself may refuse to serve people there, so the probe
does not count this failure as evidence of a block (`company`).

The table below has one row for each sanctioned country. The column `seats` names the countries whose companies must
refuse to serve people there. If a service fails there and its owner has a seat in one of these countries, the owner may
be the cause.

Many other owners follow the sanctions without having to. So almost every owner whose service fails in a sanctioned
country may be the cause. The owner of servers in front of the service, such as a CDN's, may be the cause too.

We assume that these owners do serve a sanctioned country, so failures of their services there count as evidence of a
block:

- owners in the column `serve all the same`
- owners that have a seat in the sanctioned country itself, and none in a country of the column `seats`
- in Ukraine (UA), where the sanctions concern only a part of the country, all owners without a seat in `seats`

A country stays in the table after sanctions have ended, because operators often continue to refuse.

Some single operators refuse a country by their own choice: `docs/services.md` names them.
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


if __name__ == "__main__":
    sys.stdout.write(page())
