"""The recorded runs of all rules: each lies beside its rule's room."""

from __future__ import annotations

import runs_datagrams
import runs_lookups
import runs_named
import runs_pages
import runs_programs
import runs_tls
import runs_transfers
from recorded_runs import RecordedRun

TABLES = (runs_datagrams.RUNS, runs_lookups.RUNS, runs_named.RUNS, runs_pages.RUNS, runs_programs.RUNS, runs_tls.RUNS,
          runs_transfers.RUNS)
RUNS: dict[str, RecordedRun] = {rule_id: run for table in TABLES for rule_id, run in table.items()}
"""Rule -> the run of which it decides."""
SUSPECTED = frozenset({"flow/slowed_address"})
"""They rest on company alone, and slowness of a whole address is no strike (`probe.judge.path.strikes`): so
they are only suspected, and `path/unplaced` decides."""
