"""Which rows of any source are about the service that somebody asks about. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from probe.catalogue.test_lists import ROLE, SERVICE, make_slug
from probe.catalogue.types import Catalogue
from probe.core.endpoints import Endpoint
from probe_analysis.imported.web_sites import name_site
from probe_analysis.look.look_values import LookSubject

_NO_PART = ("store", "control")
MAX_HOSTS = 12


def make_subject(catalogue: Catalogue, service: str, cc: str) -> LookSubject:
    """The subject; KeyError for a service that the catalogue does not know."""
    title = catalogue.services[service].title
    own = [endpoint for endpoint in catalogue.endpoints if endpoint.service == service]
    others = {name_site(endpoint.host) for endpoint in catalogue.endpoints
              if endpoint.service != service or endpoint.role in _NO_PART}
    parts = [endpoint for endpoint in own if endpoint.role not in _NO_PART]
    hosts = {endpoint.host for endpoint in parts if endpoint.host and not endpoint.address}
    return LookSubject(
        service=service, title=title, cc=cc, roles=tuple(dict.fromkeys(endpoint.role for endpoint in parts)),
        sites=frozenset(map(name_site, hosts)) - others - {""},
        site_targets=frozenset(f"{SERVICE}.{ROLE}.{make_slug(url)}" for host in hosts
                               for url in (f"https://{host}/", f"http://{host}/")))


def is_about(subject: LookSubject, service: str, targets: Sequence[str]) -> bool:
    """Whether a row of this service and these targets is about the subject; a site that others share only where all
    of its targets are the subject's."""
    return service in (subject.service, *subject.sites) or (
        bool(targets) and all(target in subject.site_targets for target in targets))


def list_hosts(catalogue: Catalogue, service: str) -> tuple[str, ...]:
    """Hosts of the service's web pages by which others' measurements are found, its home page first."""
    pages = [e for e in catalogue.endpoints if e.service == service and e.role not in _NO_PART and e.sni]
    pages.sort(key=_rank)
    return tuple(dict.fromkeys(endpoint.host for endpoint in pages))[:MAX_HOSTS]


def _rank(endpoint: Endpoint) -> tuple[bool, int]:
    return endpoint.role != "web", endpoint.tier
