"""From result files to the cell table, and to longer steps of time."""
