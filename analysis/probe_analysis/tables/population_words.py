"""Words of verdicts from a population: what an accusation of many probes together rests on, and what stays possible."""

from __future__ import annotations

from typing import Literal

PopulationBasis = Literal["place", "vantage", "mechanisms", "spared", "onsets"]
POPULATION_BASES: dict[PopulationBasis, str] = {
    "place": "a run in this network found the target blocked, and showed that the service itself was not the cause",
    "vantage": "a measurement elsewhere in the country reached the very address that fails here",
    "mechanisms": "the target fails in different ways, each seen by several probes of several networks; the service's "
                  "own servers would refuse all networks in one way",
    "spared": "comparable networks of the same country were served in the same hours",
    "onsets": "the failures began in networks of the country one after the other, further apart than a change of "
              "the service's own servers takes",
}
"""Strongest first. Each is what a service that refuses a country, or that is out of order, does not show. That all
networks of a country fail alike is none of them: an operator who refuses the country refuses all its networks."""

PopulationDoubt = Literal[
    "service", "network_refused", "address_refused", "edge", "instrument", "lost_route", "resolver", "fresh_names",
]
POPULATION_DOUBTS: dict[PopulationDoubt, str] = {
    "service": "nobody in another country was served in these hours: the service itself may have failed",
    "network_refused": "the service may refuse this network, or networks of its kind",
    "address_refused": "the service may refuse the addresses of the probes: each network has only one failing probe",
    "edge": "nobody knows whether the probes that are served use the same address",
    "instrument": "no probe is known to be served with the versions of program, list and TLS library with which the "
                  "target fails",
    "lost_route": "a carrier may have lost its route to the address",
    "resolver": "nobody knows which resolvers the probes asked",
    "fresh_names": "only probes with new names, unknown some days before, report this: whoever can send "
                   "results can invent names",
}
"""Word -> what could not be excluded."""
