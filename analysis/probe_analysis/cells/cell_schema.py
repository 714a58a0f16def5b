"""The columns of `cells.parquet`: their types, and what they mean."""

from __future__ import annotations

import pyarrow as pa

from probe_analysis.cells.cell_expressions import COLUMNS
from probe_analysis.cells.failure_layers import FAILED, LAYERS

_AT = {"dns": "by the name", "tcp": "on the way to the address, below TLS", "tls": "in TLS", "http": "in HTTP",
       "other": "in another way"}
_WORDS = {"probe_cc", "level", "service", "role", "target_id", "block_type", "failure_type", "standing", "hellos",
          "struck_hellos"}
SCHEMA = pa.schema([
    pa.field(name, pa.bool_() if name == "lab" else pa.string() if name in _WORDS
             else pa.timestamp("us", tz="UTC") if name == "cell_start" else pa.int64(), nullable=False)
    for name in COLUMNS
])
MEANINGS = {
    "lab": "Made in the laboratory; never beside others in one file.",
    "probe_cc": "Country of the network.",
    "probe_asn": "Number of the network (AS); 0 when unknown.",
    "level": "What is counted: `target`, `role` of a service, or `service`.",
    "service": "Messaging service.",
    "role": "Part of the service; empty for a whole service.",
    "target_id": "Target; empty above targets.",
    "cell_start": "Hour in UTC in which the runs began. An hour without a run has no row: a gap stays a gap.",
    "n": "Decided: ok + blocked + down. The denominator of every share; where it is small, a share says little.",
    "ok": "Probes that found it well; a probe with several runs in the hour says what most of them say.",
    "blocked": "Probes that found it blocked.",
    "down": "Probes that found the service itself failing.",
    "inconclusive": "Probes whose evidence did not decide; in no share.",
    "network": "Probes of which the whole network was cut, walled or slowed; in no share.",
    "local": "Probes of which the volunteer's own device, router or resolver was the cause; in no share.",
    "witnesses": "All these probes, whatever they say.",
    "block_type": "The most frequent cause among its blocked targets, the first by name of equally frequent ones; empty"
                  " where nothing is blocked.",
    "confirmed": "Blocked probes of which a second time slot agreed.",
    **{name: f"Probes for which it failed {_AT[layer]}: found blocked, or left open and suspected. Of a role or service"
             " that was left open: more of its targets failed than answered."
       for name, layer in zip(FAILED, LAYERS, strict=True)},
    "failure_type": "The most frequent cause, named or suspected, of what failed; the first by name of equally frequent"
                    " ones.",
    "standing": "Whose word counts: `established` names, known in this network for some days by the collector's record,"
                " and no others; `fresh` ones, where nobody there was known on that day; `unknown`, where nobody could"
                " have been, or names were known by the times of their own runs alone.",
    "hellos": "Shapes of the ClientHellos that the network's probes sent in the hour (`own_hello` of the runs), by"
              " name, those of most runs, at most four; empty where no run tells.",
    "struck_hellos": "Where anything failed: each of these shapes as `shape=blocked/failed/ok`, in probes; `failed` is"
                     " blocked, or left open and suspected. Empty where nothing failed, or no run tells.",
}
