"""`[[carrier]]`: what the client's own network does to its customers, which is no censorship.

    [[carrier]]                         # as a rule of the middlebox, without a block type
    trigger = "all"
    action = "throttle"
    params = {rate_bps = 64000, per = "all"}

It acts at `carrier_hop` of the world, a router that all paths share: a `[[front]]` is what an operator at the far end
does to its own visitors, and a `[[rule]]` what a censor does.
"""

from __future__ import annotations

from dataclasses import replace

from probe_lab.format.scenario_parts import RuleSpec, read_unclosed_rule
from probe_lab.format.toml_table import Table


def read_carrier(table: Table, *, aliases: frozenset[str]) -> RuleSpec:
    """One `[[carrier]]`. Raises ScenarioError for what the middlebox would not accept."""
    spec = read_unclosed_rule(table, aliases=aliases)
    if spec.block_type:
        raise table.error("block_type", "a carrier's own doing is no censorship; what censors is a [[rule]]")
    table.close()
    return replace(spec, alias="")
