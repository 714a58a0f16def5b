"""The ladder's controls, from the catalogue, and what their observations say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from probe.catalogue.types import Catalogue
from probe.config.geo.address_networks import look_up_countries, look_up_networks
from probe.config.geo.geo_table import NO_COUNTRY
from probe.core.endpoints import Endpoint
from probe.core.observations import Observation
from probe.core.tables.run_words import Gateway, Tunnel
from probe.judge.common.control_probation import KnownPlaces
from probe.judge.network.home_answers import is_home_alone
from probe.judge.network.ladder_evidence import LadderEvidence, gather_ladder_evidence

NETWORK_CHANGED = "network:changed"
"""Among a run's conditions: the device did not stay in one network."""


def choose_ladder_controls(catalogue: Catalogue, cc: str) -> tuple[Endpoint, ...]:
    """Up to five plain-HTTP controls of different operators, domestic ones first, and two HTTPS pages."""
    kinds = ("exact_body", "status_only")
    found: dict[str, Endpoint] = {}
    pages: dict[str, Endpoint] = {}
    for endpoint in catalogue.endpoints:
        control = catalogue.controls.get(endpoint.target_id)
        if control is None or endpoint.protocol != "http" or "{" in endpoint.input:
            continue
        domestic = control.domestic and control.country == cc
        if control.domestic and not domestic:
            continue
        if endpoint.input.startswith("http:") and control.kind in kinds:
            body = (control.body.strip(),) if control.body.strip() else ()
            expect = replace(endpoint.expect, body=body or endpoint.expect.body)
            found.setdefault(control.operator, replace(endpoint, expect=expect))
        elif control.kind == "page" or domestic:
            pages.setdefault(control.operator, endpoint)
    return (*list(found.values())[:5], *list(pages.values())[:2])


def choose_known_places(catalogue: Catalogue, cc: str) -> KnownPlaces:
    """By which helpers are tried. Domestic pages are left out, since these may be closed to those abroad; pages over
    TLS come first, as whoever answers for them must have their keys."""
    domestic = domestic_inputs(catalogue, cc)
    good = [e.input for e in choose_ladder_controls(catalogue, cc) if e.input not in domestic]
    absent = [e.input for e in catalogue.endpoints if (c := catalogue.controls.get(e.target_id)) is not None
              and c.kind == "closed_port"]
    return KnownPlaces(good=tuple(sorted(good, key=lambda url: not url.startswith("https:"))), absent=tuple(absent))


def domestic_inputs(catalogue: Catalogue, cc: str) -> frozenset[str]:
    return frozenset(e.input for e in catalogue.endpoints if (c := catalogue.controls.get(e.target_id)) is not None
                     and c.domestic and c.country == cc)


def _operators(catalogue: Catalogue) -> dict[str, str]:
    return {e.input: c.operator for e in catalogue.endpoints if (c := catalogue.controls.get(e.target_id)) is not None}


def gather_ladder(catalogue: Catalogue, cc: str, seen: Sequence[Observation], *, has_ipv4: bool, has_ipv6: bool,
                  gateway: Gateway, tunnel: Tunnel = "", changed: bool = False, lab: bool = False) -> LadderEvidence:
    """The ladder's evidence so far, for a network with these families and these words of gateway and tunnel. In the
    laboratory addresses are nobody's, and tell of no country."""
    found = gather_ladder_evidence(seen, domestic=domestic_inputs(catalogue, cc), operators=_operators(catalogue),
                                  link=has_ipv4 or has_ipv6, gateway=gateway, tunnel=tunnel, changed=changed,
                                  has_ipv6=has_ipv6, cc=cc)
    if lab or cc == NO_COUNTRY or not found.abroad_fails or found.domestic_ok or found.domestic_failed:
        return found
    addresses = [o.address for o in seen]
    return replace(found, home_alone=is_home_alone(seen, cc=cc, countries=look_up_countries(addresses),
                                                   networks=look_up_networks(addresses)))
