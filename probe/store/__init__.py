"""Results on disk: one immutable file per run and table, all derived from one schema."""
