"""Words of verdicts from a population: what an accusation of many probes together rests on, and what stays possible."""

from __future__ import annotations

from typing import Literal

PopulationBasis = Literal["place", "vantage", "mechanisms", "spared", "onsets"]
POPULATION_BASES: dict[PopulationBasis, str] = {
    "place": "a run in this network found it blocked, and showed that it was not the service itself",
    "vantage": "a control in the same country was served at the very address that fails",
    "mechanisms": "networks of the country are struck in ways that differ, each by several probes of several networks; "
                  "one front would do the same to all",
    "spared": "comparable networks of the same country were served in the same hours",
    "onsets": "it began in networks of the country one after the other, further apart than a front's change takes",
}
"""Strongest first. Each is what a service that refuses a country, or that is out of order, does not show. That all
networks of a country fail alike is none of them: an operator who refuses the country refuses all its networks."""

PopulationDoubt = Literal[
    "service", "network_refused", "address_refused", "edge", "instrument", "lost_route", "resolver", "fresh_names",
]
POPULATION_DOUBTS: dict[PopulationDoubt, str] = {
    "service": "nobody in another country was served in these hours: the service itself may have failed",
    "network_refused": "the service may refuse this network, or networks of its kind",
    "address_refused": "the service may refuse the addresses of the probes: each network has one",
    "edge": "it is not known that those who are served are served at the same address",
    "instrument": "nobody is known to be served with the versions of program, list and TLS library with which it "
                  "fails",
    "lost_route": "a carrier may have lost the way to the address",
    "resolver": "it is not known which resolvers were asked",
    "fresh_names": "it rests on names that nobody knew some days before: whoever can send results can make them up",
}
"""Word -> what could not be excluded."""
