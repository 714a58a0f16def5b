"""The tables of runs: written, read, merged by day, with checksums."""
