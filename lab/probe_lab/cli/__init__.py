"""The laboratory's commands, found by `probe` through entry points."""
