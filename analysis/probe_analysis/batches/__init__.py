"""Tables that batches write beside the runs: checks of application stores."""
