"""A long life on a bad small machine, made short: what `tools/soak.py` runs, and in small what the tests run."""
