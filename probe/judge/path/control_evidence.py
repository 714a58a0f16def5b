"""What controls elsewhere met of the service, at the stage at which our own attempts fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from probe.catalogue.sites import Site
from probe.core.observations import ControlAnswer
from probe.core.places import Place
from probe.core.tables.evidence_words import ControlFinding, Stage
from probe.core.tables.words import Empty
from probe.judge.common.control_counts import count_networks, count_vantages
from probe.judge.path.control_findings import may_leave_out, reaches_in_country, read_control_finding, says_more


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlEvidence:
    """Of one address of one endpoint."""

    asked: int = 0
    answered: int = 0
    ok: int = 0
    """Networks of controls for which the failing stage works at this address (or, unknown there, at the service).
    Networks, not answers: two helpers in one network see what one sees."""
    failed: int = 0
    networks: int = 0
    """Networks of controls that said anything of it at all."""
    same_country: int = 0
    """Networks of controls in the vantage's own country that are served at this very address: an operator that refuses
    the country would refuse them. Theirs are networks of data centres, which some operators and some censors spare."""
    here: int = 0
    """Networks of those controls that know the service by this address: the page that they were served may be its."""


NO_CONTROLS = ControlEvidence()


def gather_control_evidence(stage: Stage | Empty, site: Site, controls: Sequence[ControlAnswer], *, known_as: str,
                            cc: str) -> tuple[ControlEvidence, list[str]]:
    """What they met, and the certificates that they were shown; `known_as`: the address by which they know this one."""
    def word_of(control: ControlAnswer) -> ControlFinding:
        return read_control_finding(stage, site, control, known_as)

    answered = [c for c in controls if c.state == "answered" and (word_of(c) or not may_leave_out(c))]
    here = {(c.asn, c.cc) for c in answered if (site.address or known_as in c.addresses) and word_of(c) == "ok"}
    found = ControlEvidence(
        asked=len({c.control_id for c in controls}), answered=len({c.control_id for c in answered}),
        networks=count_networks(c for c in answered if word_of(c) or says_more(c, site.port)),
        same_country=count_networks(
            c for c in answered if reaches_in_country(stage, c, Place(known_as, site.port), cc)),
        ok=count_networks(c for c in answered if word_of(c) == "ok"),
        failed=count_vantages(c for c in answered if word_of(c) == "failed"), here=len(here))
    return found, [key for c in answered for place, key in c.leaf_keys if key and place.port == site.port]
