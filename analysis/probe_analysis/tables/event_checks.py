"""What may explain a window of failures without any block of the service: the words of an event's checks."""

from __future__ import annotations

from typing import Literal

EventCheck = Literal["network", "service_or_instrument", "one_device", "one_interval", "version", "habit", "chance",
                     "refusal", "fresh_names", "own_hello", "outage"]
EventStatus = Literal["suspected", "unplaced", "confirmed"]
EventGround = Literal["verdicts", "failures"]
"""What an event is counted from: verdicts that convict, or all that failed, whether a run could say why or not."""

EVENT_CHECKS: dict[EventCheck, str] = {
    "network": "other services, or innocent controls, failed alike on the same network",
    "service_or_instrument": "the service failed alike in other countries, because it, or the probe, was broken",
    "one_device": "one device that fails makes the counts likelier than a network that blocks",
    "one_interval": "it was seen in a single cell, and is over",
    "version": "the program or its catalogue changed at the onset",
    "habit": "the service fails so there by itself, again and again or all the time",
    "chance": "what its neighbours failed in the same hours leaves too little to be more than chance",
    "refusal": "the service itself may refuse the network or the country: nothing shows where it is stopped",
    "fresh_names": "it rests on names that nobody knew some days before: whoever can send results can make them up",
    "own_hello": "the probes' own ClientHellos changed at the onset, as with a new TLS library: others may not fail",
    "outage": "counts from outside show the whole traffic of the network, or of the country, down in these hours",
}
"""Word -> what is said of a window that it explains."""

CHANGES_MIND: dict[EventCheck, str] = {
    "network": "verdicts of other services and of controls on this network in these hours that are well",
    "service_or_instrument": "verdicts from other countries in these hours that are well, or an onset long before",
    "one_device": "cells in which more verdicts are blocked than one device can give",
    "one_interval": "a second cell in which it is blocked, here or on another network",
    "version": "the same failures with the version from before",
    "habit": "failures that last longer than its bursts do, or measurements from before they began",
    "chance": "more verdicts in these hours",
    "refusal": "a run that finds the place, a control in the country that is served, or networks that are spared",
    "fresh_names": "the same from names that measured in the network some days before, or that the collector knows",
    "own_hello": "the same failures of hellos from before, or these hellos well on this network before the onset",
    "outage": "counts from outside that show the network's whole traffic as usual in these hours",
}
"""Word -> what would have to be seen for the window to be an event after all."""
