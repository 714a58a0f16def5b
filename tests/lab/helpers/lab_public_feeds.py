"""Feeds that the public network's probes make, as the only control of a client without privilege."""

from __future__ import annotations

from dataclasses import replace

from lab_feeds import World
from probe.catalogue.load import load_catalogue
from probe.core.tables.protocols import PROTOCOLS
from probe_lab.lab_types import DrawnScenario

CONSENT = 2


def is_measured(drawn: DrawnScenario) -> bool:
    """Whether at this consent level all is measured that the scenario strikes: names of some services take more, and
    two that are left of three are no company."""
    catalogue = load_catalogue(search=False)
    struck = {url for alias, urls in drawn.aliases.items() if ":" not in alias for url in urls}
    met = [endpoint for endpoint in catalogue.endpoints if endpoint.input in struck]
    return all(PROTOCOLS[one.protocol].consent_level <= CONSENT
               and catalogue.services[one.service].consent_level <= CONSENT for one in met)


def in_open_country(drawn: DrawnScenario) -> DrawnScenario:
    """The same elsewhere: in a country in which no care is asked for."""
    return replace(drawn, world=replace(drawn.world, cc="SE"))


def measure_with_feed(here: World) -> int:
    """Two runs, and between them a feed of the public network; the exit status of its maker."""
    here.consent_level = CONSENT
    here.measure("before")
    status, path = here.publish_public("world", "--ask", str(here.folder / "results-before"))
    feeds = (here.later(path, "world-later"),) if status == 0 else ()
    here.measure("after", *feeds, after="before")
    return status
