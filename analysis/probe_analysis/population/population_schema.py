"""The columns of the table `population`: their types, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from probe_analysis.tables.population_words import POPULATION_BASES, POPULATION_DOUBTS

MEANINGS: Mapping[str, str] = {
    "lab": "Made in the laboratory; never beside others in one file.",
    "probe_cc": "Country of the network.",
    "probe_asn": "Number of the network (AS); 0 when unknown.",
    "service": "Messaging service.",
    "role": "Part of the service.",
    "target_id": "Target.",
    "onset": "First hour (UTC) of the stretch in which most of the network's probe-hours failed.",
    "served_until": "Last hour in the week before in which it was served there; none: nobody saw it.",
    "last": "Last hour of the stretch that was measured.",
    "outcome": "What the probes say together: blocked, down, network, or inconclusive.",
    "block_type": "Cause as a dotted path, as deep as the probe-hours agree on it and no deeper.",
    "suspected": "Where nobody is accused: the cause that the probe-hours agree on.",
    "basis": f"What an accusation rests on: {', '.join(POPULATION_BASES)}. Empty where nobody is accused.",
    "rule_id": "Rule that decided.",
    "not_excluded": f"What could not be excluded, separated by blanks: {', '.join(POPULATION_DOUBTS)}.",
    "n": "Probe-hours of the network that say something: one probe, one hour, however many runs.",
    "struck": "Those of them in which it failed.",
    "witnesses": "Different probes of the network for which it failed.",
    "networks_alike": "Networks of the country that are struck alike in these hours, this one among them.",
    "witnesses_alike": "Different probes in all of these.",
    "networks_spared": "Comparable networks of the country that were served in these hours.",
    "countries_served": "Other countries in which it was served.",
    "countries_struck": "Other countries in which it failed.",
    "others_alike": "Other services that are struck in the network in these hours.",
    "reason": "Why, in one sentence.",
}
_TIMES = ("onset", "served_until", "last")
_NUMBERS = ("probe_asn", "n", "struck", "witnesses", "networks_alike", "witnesses_alike", "networks_spared",
            "countries_served", "countries_struck", "others_alike")
SCHEMA = pa.schema([
    pa.field(name, pa.bool_() if name == "lab" else pa.timestamp("us", tz="UTC") if name in _TIMES
             else pa.int64() if name in _NUMBERS else pa.string(), nullable=name == "served_until")
    for name in MEANINGS
])
