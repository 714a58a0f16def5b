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

The table has only well-known networks, fronts (servers that accept connections for many customers) and DNS hosts. An
empty cell means that we know of none.

If services of {company} unrelated owners fail in the same way in one run, this is evidence that no single service is
the cause. This evidence is called `company` (`probe/inference/evidence/company.py`). Two services are unrelated if all
three conditions hold:

- They have different owners.
- Different networks accept the connections for the two services. The program knows these networks from the addresses in
  a run, or from the fronts that the owners are known to use. Two addresses in the same /16 (IPv6: /32) count as one
  network.
- They have no known DNS host or transit network in common.

{kinds}
"""
_SANCTIONS = """## Where law makes operators refuse

Sanctions forbid owners in some countries to serve others. Each row of this table has a refused country. The column
`seats` names the home countries of owners who must refuse it. Failures of these owners' services in the refused country
never count for the evidence `company`, because the owner itself may be the cause.

Owners with other seats often keep away from a refused country too. So their services' failures there do not count for
`company` either. Two kinds of owners count nevertheless: those in the column `serve all the same`, and those whose own
seat is in the refused country. In Ukraine (UA), where the sanctions concern only a part of the country, owners without
a seat of the column `seats` also count.

Services behind the front of an owner that must refuse do not count either. All this goes on after the sanctions have
ended, because operators often continue to refuse. [services.md](services.md) says which single operators refuse a
country by their own choice.
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
