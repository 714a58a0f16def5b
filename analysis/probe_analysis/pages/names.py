"""What networks and services are called on pages."""

from __future__ import annotations

from collections.abc import Mapping

from probe_analysis.events.verdict_series import ReportNetwork
from probe_analysis.pages.language import ENGLISH, ReportLanguage


def name_network(network: ReportNetwork, say: ReportLanguage = ENGLISH) -> str:
    """What a network is called in a heading."""
    place = f"AS{network.probe_asn}" if network.probe_asn else say("page.unknown_network")
    country = f" ({network.probe_cc})" if network.probe_cc != "ZZ" else ""
    return name_place(f"{place}{country}", say, lab=network.lab, seen=True)


def name_place(place: str, say: ReportLanguage, *, lab: bool, seen: bool = False) -> str:
    """A place that says so where it is the laboratory's; `seen`: in a heading."""
    return say("page.seen_lab", place=place) if lab else say("page.seen_from", place=place) if seen else place


def name_service(service: str, titles: Mapping[str, str]) -> str:
    """What people call a service."""
    return titles.get(service) or service.replace("_", " ")


def name_asn(asn: int, operators: Mapping[int, str]) -> str:
    """The number of a network, with its operator where a table names it."""
    operator = operators.get(asn, "")
    return f"AS{asn}" + (f" ({operator})" if operator else "")
