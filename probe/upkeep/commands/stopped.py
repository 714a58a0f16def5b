"""What is told to whoever stops a command with Ctrl-C: what was kept, and what to do."""

from __future__ import annotations

from collections.abc import Mapping

import click

from probe.core.translation import say

STOPPED: Mapping[str, str] = {
    "run": "Stopped. What was measured until then is kept as a partial run, without verdicts. To measure again: probe "
           "run",
    "setup": "Stopped. Nothing was written. To begin again: probe setup",
    "forget": "Stopped. What was deleted before is gone, the rest is still there. To delete it too: probe forget",
    "upload": "Stopped. What arrived is there and is not sent again. To send the rest: probe upload",
    "lab": "Stopped. The laboratory is gone, and with it what was not finished in it.",
    "demo": "Stopped. No new demo was written; an earlier one is as it was. To make it again: probe demo",
}
"""By command; of all others, `OTHERS`."""
OTHERS = "Stopped. Files that were finished are kept. To begin again, give the same command."
_INTERRUPTED = "Query interrupted"
"""What DuckDB's RuntimeError says."""


def describe_stop(command: str | None) -> str:
    """One line for a command that was stopped."""
    return say(STOPPED.get(command or "", OTHERS))


def is_interrupt(error: RuntimeError) -> bool:
    """Whether Ctrl-C ended a query: DuckDB tells of it as of a failure, and the KeyboardInterrupt is gone."""
    return str(error) == _INTERRUPTED


def is_stop(error: BaseException) -> bool:
    """Whether a person stopped the command; else its input ended before all was answered."""
    cause = error.__context__ if isinstance(error, click.Abort) else error
    return not isinstance(cause, EOFError)
