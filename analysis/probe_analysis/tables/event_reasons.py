"""Why there is an event, in one sentence, and the one datum that would confirm it."""

from __future__ import annotations

from typing import Literal

EventReason = Literal["both", "here", "elsewhere", "alone", "services", "services_here", "together", "cut", "silence",
                      "routes"]
EventLack = Literal["hours", "witness", "before", "network", "line", "country", "place", "names", "version", "hello",
                    "traffic", "routes"]

EVENT_REASONS: dict[EventReason, str] = {
    "both": "{blocked} of {decided} failed on {networks}, while other services there, and the same one in other "
            "countries, were well",
    "here": "{blocked} of {decided} failed on {networks}, while other services there were well",
    "elsewhere": "{blocked} of {decided} failed on {networks}, while the same service was well in other countries",
    "alone": "{blocked} of {decided} failed on {networks}, more than chance and habit explain",
    "services": "{failed} services failed together on {networks}, while {spared} others there were well, and all of "
                "them in {countries} other countries",
    "services_here": "{failed} services failed together on {networks}, while {spared} others there were well",
    "together": "{failed} services failed together on {networks}, and nothing shows that the line was well",
    "cut": "{blocked} of {decided} say that all of {networks} failed",
    "silence": "nothing was heard from {networks} at hours at which they are heard",
    "routes": "{failed} services failed on {networks} from the same hour on as in another country",
}
"""Word -> the sentence, without its full stop; what stands in braces is counted in the event's own row."""

EVENT_LACKS: dict[EventLack, str] = {
    "hours": "more measured hours in which it fails",
    "witness": "a second probe on the same network",
    "before": "measurements from before it began",
    "network": "the same failures on a second network of the country",
    "line": "innocent controls, or more services, that are well on this network in these hours",
    "country": "the same service well in further countries in these hours",
    "place": "a run that finds the place where it is stopped, or a control in the country that the service serves",
    "names": "the same from names that measured there some days before, or that the collector knows",
    "version": "the same failures with the version of the program from before",
    "hello": "the same failures of hellos from before",
    "traffic": "the whole traffic of the network in these hours, counted from outside",
    "routes": "routes in these hours, as collectors of BGP saw them",
}
"""Word -> what would confirm an event that is not confirmed."""
