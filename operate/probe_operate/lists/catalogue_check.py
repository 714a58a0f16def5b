"""What a person who edits the catalogue should know: the tables beside it must agree with it. Pure but for anchors."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

from probe.catalogue.packaged import FOLDER, load_owners
from probe.catalogue.test_lists import SERVICE as OWN_LIST
from probe.catalogue.types import Catalogue, Service
from probe.core.endpoints import Endpoint
from probe.core.tables.protocols import PROTOCOLS
from probe.core.tables.roles import ACCOUNT_PARTS, ROLES
from probe.core.tables.trust import ANCHORS

CONTROL_KINDS = (
    "exact_body", "status_only", "page", "name", "no_name", "closed_port", "udp", "quic", "outage_flag",
)
EXPECTATION_STATES = ("moved", "closed")
ANCHOR_WARNING_DAYS = 365
_OF_MANY_OWNERS = ("control", "register")
"""Services of which each host has an owner of its own."""


def check_catalogue(catalogue: Catalogue, *, today: date | None = None,
                    anchors: Path = FOLDER / "anchors") -> tuple[str, ...]:
    """What does not agree, one sentence each; empty when all is well. The file itself was checked when it was loaded.

    `today` (UTC) decides which root certificates end soon.
    """
    on = today or datetime.now(UTC).date()
    return (
        *_services(catalogue),
        *_quorums(catalogue),
        *_controls(catalogue),
        *_expectations(catalogue),
        *_endpoints(catalogue.endpoints),
        *_anchors(anchors, on),
    )


def _services(catalogue: Catalogue) -> Iterator[str]:
    used = {e.service for e in catalogue.endpoints}
    for name in sorted(used - set(catalogue.services) - {OWN_LIST}):
        yield f"services.toml: no table for the service {name}"
    if OWN_LIST in used:
        return
    for name in sorted(set(catalogue.services) - used):
        yield f"services.toml: {name} has no row in the catalogue"
    owned = {service for owner in load_owners().values() for service in owner.services}
    for name in sorted(used - owned - {*_OF_MANY_OWNERS}):
        yield f"owners.toml: no owner lists the service {name}"
    for name in sorted(used & set(catalogue.services)):
        yield from _service(name, catalogue.services[name], [e for e in catalogue.endpoints if e.service == name])


def _service(name: str, service: Service, endpoints: list[Endpoint]) -> Iterator[str]:
    dead = service.status == "dead"
    if service.status not in ("active", "dead") or dead != (service.closed is not None):
        yield f"services.toml: {name}: status is active, or dead with the day in `closed`"
    if dead and any(e.status != "dead" for e in endpoints):
        yield f"{name} is dead, but {next(e.input for e in endpoints if e.status != 'dead')} is not"
    if service.consent_level not in (1, 2, 3):
        yield f"services.toml: {name}: consent_level is 1, 2 or 3"
    if unknown := sorted(set(service.needs_account) - set(ACCOUNT_PARTS)):
        yield f"services.toml: {name}: needs_account: unknown {unknown[0]}"
    if not any(PROTOCOLS[e.protocol].built for e in endpoints):
        yield f"{name} has no endpoint that the probe can measure"


def _quorums(catalogue: Catalogue) -> Iterator[str]:
    for name, service in catalogue.services.items():
        for role, least in service.quorum.items():
            targets = {e.target_id for e in catalogue.endpoints if (e.service, e.role) == (name, role)}
            count = least if isinstance(least, int) else 1
            if role not in ROLES or (not 1 <= count <= len(targets) and not _is_own_list(catalogue)):
                yield f"services.toml: {name}: quorum {role} = {least}, but the role has {len(targets)} targets"


def _controls(catalogue: Catalogue) -> Iterator[str]:
    rows = {e.target_id for e in catalogue.endpoints if e.role == "control"}
    for target_id in sorted(rows - set(catalogue.controls)):
        yield f"controls.toml: no table for {target_id}"
    for target_id in sorted(set(catalogue.controls) - rows):
        yield f"controls.toml: {target_id} has no row in the catalogue"
    for target_id, control in catalogue.controls.items():
        if control.kind not in CONTROL_KINDS:
            yield f"controls.toml: {target_id}: kind {control.kind} is not one of {', '.join(CONTROL_KINDS)}"
    exact = [c for target_id, c in catalogue.controls.items() if c.kind == "exact_body" and target_id in rows]
    if len({control.operator for control in exact}) < 2:
        yield "fewer than two operators serve exact bodies: a captive portal could not be told from a fault"


def _expectations(catalogue: Catalogue) -> Iterator[str]:
    known = {e.target_id for e in catalogue.endpoints} | {f"{e.service}.*" for e in catalogue.endpoints}
    for expectation in catalogue.expectations:
        if expectation.target_id not in known and not _is_own_list(catalogue):
            yield f"expectations.toml: {expectation.target_id} has no row in the catalogue"
        if expectation.state not in EXPECTATION_STATES:
            yield f"expectations.toml: {expectation.target_id}: state is one of {', '.join(EXPECTATION_STATES)}"
        if expectation.until is not None and expectation.until < expectation.since:
            yield f"expectations.toml: {expectation.target_id}: ends before it begins"


def _endpoints(endpoints: tuple[Endpoint, ...]) -> Iterator[str]:
    for e in endpoints:
        if e.protocol == "http" and e.alpn:
            yield f"{e.input}: alpn is ignored by http; judge an HTTP/2 endpoint as tls"
        if e.protocol == "http" and e.expect.reply:
            yield f"{e.input}: expect_reply belongs to protocols of their own"
        if e.tier == 1 and e.status == "unproven":
            yield f"{e.input}: tier 1 is for proven endpoints"


def _anchors(folder: Path, on: date) -> Iterator[str]:
    from cryptography import x509

    wanted = {name for names in ANCHORS.values() for name in names}
    present = {path.name for path in folder.glob("*.pem")}
    for name in sorted(wanted - present):
        yield f"anchors/{name} is missing"
    for name in sorted(present - wanted):
        yield f"anchors/{name} is named by no policy of trust"
    for name in sorted(wanted & present):
        try:
            ends = x509.load_pem_x509_certificate((folder / name).read_bytes()).not_valid_after_utc.date()
        except ValueError as error:
            yield f"anchors/{name} is no certificate: {error}"
            continue
        if (ends - on).days < ANCHOR_WARNING_DAYS:
            yield f"anchors/{name} ends on {ends}: look for its successor"


def _is_own_list(catalogue: Catalogue) -> bool:
    return any(e.service == OWN_LIST for e in catalogue.endpoints)
