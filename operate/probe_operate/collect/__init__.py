"""From uploads to a data set: checked, counted once, merged, with where each came from."""
