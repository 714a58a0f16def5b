"""Exit statuses of `probe`: 0 is done."""

from __future__ import annotations

EXIT_FAILED, EXIT_USAGE, EXIT_LOCKED, EXIT_NO_NETWORK, EXIT_NO_CONSENT = 1, 2, 3, 4, 5
EXIT_STOPPED = 130
"""After Ctrl-C, as of programs that the signal ends: 128 + 2."""
