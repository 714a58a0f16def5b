"""What `probe helper` imports late, as `probe.upkeep.commands.preload` has it of runs."""

from __future__ import annotations

from probe.upkeep.commands.preload import EXCHANGE_MODULES

HELPER_MODULES = (
    *EXCHANGE_MODULES,
    "probe.__main__", "probe_operate.cli.helper", "probe.cli.main", "probe.config.geo.packaged_table",
    "probe_operate.helper.helper_engine", "probe_operate.helper.helper_server",
    "probe_operate.helper.helper_workers", "probe.controls.reaching.public_addresses",
    "probe_operate.reaching.reach_udp",
    "uvicorn.lifespan.off", "uvicorn.loops.asyncio",
)
"""Of `probe helper`."""
