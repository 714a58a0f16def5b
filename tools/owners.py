"""docs/owners.md: who owns the services and their fronts, with the sources, and where law makes operators refuse."""

from __future__ import annotations

from grid import grid
from probe.catalogue.owner_types import Owner
from probe.catalogue.packaged import load_owners, load_sanctions, load_services
from probe.core.tables.owner_words import OWNER_KINDS
from probe.inference.evidence.company import COMPANY

_HEAD = """# Who owns the services, and what they stand behind

This page lists the organisation that owns each service, and the networks in which its servers stand. `make docs`
generates it from `probe/catalogue/owners.toml` and `probe/catalogue/sanctions.toml`. A service that is not in the table
counts as its own owner. The table has only well-known networks, fronts (servers that accept connections for many
customers) and DNS hosts. An empty cell means that we know none, not that there is none.

Two services are unrelated under three conditions:

- They have different owners.
- No network accepts connections for both. The program finds this out from the addresses of a run and the packaged table
  of networks, or from the fronts that the owners are known to use. Two addresses in the same /16 (IPv6: /32) count as
  one network.
- They have no known DNS host or transit network in common.

Company is {company} unrelated owners whose services are struck alike in one run
(`probe/inference/evidence/company.py`).

{kinds}
"""
_SANCTIONS = """## Where law makes operators refuse

In these countries, services of owners with these seats, and services behind their fronts, never count as company. This
also holds after sanctions have ended, since operators are slow to follow. [services.md](services.md) says what single
operators refuse by their own choice.
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
        f"Of many owners, told by the host that is asked: {many}.", "", _SANCTIONS, sanctions, ""))


def _row(name: str, owner: Owner) -> tuple[str, ...]:
    networks = [*(f"AS{asn}" for asn in owner.asns), *([f"{len(owner.prefixes)} prefixes"] if owner.prefixes else [])]
    behind = dict.fromkeys((*owner.fronts, *owner.dns_hosts, *owner.caches, *owner.transits))
    return (owner.title, f"`{name}`", ", ".join(owner.kinds), ", ".join(owner.countries), ", ".join(owner.services),
            ", ".join(networks), ", ".join(f"`{other}`" for other in behind if other != name), owner.source)
