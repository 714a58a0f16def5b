"""Who gave an address: the words of the observation's `address_source`."""

from __future__ import annotations

from typing import Literal

AddressSource = Literal["system", "network", "public", "doh", "control", "literal", "trusted"]

ADDRESS_SOURCES: dict[AddressSource, str] = {
    "system": "the system's own lookup",
    "network": "the network's resolver, asked directly",
    "public": "a public resolver, in the clear",
    "doh": "encrypted DNS",
    "control": "a control elsewhere",
    "literal": "the catalogue, or a table of the probe's: no name was resolved",
    "trusted": "encrypted DNS or a control, behind answers of the network that may be false",
}
