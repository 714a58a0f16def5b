"""Exit statuses of `probe`: 0 is done."""

from __future__ import annotations

from probe.core.tables.block_types import CauseId

EXIT_FAILED, EXIT_USAGE, EXIT_LOCKED, EXIT_NO_NETWORK, EXIT_NO_CONSENT = 1, 2, 3, 4, 5
CARRIES_NOBODY: tuple[CauseId, ...] = (
    "local.offline", "local.captive_portal", "network", "network.shutdown", "network.national_only")
"""What a run says of a line that carries nobody, or nobody abroad: status `EXIT_NO_NETWORK`."""
EXIT_STOPPED = 130
"""After Ctrl-C, as of programs that the signal ends: 128 + 2."""
