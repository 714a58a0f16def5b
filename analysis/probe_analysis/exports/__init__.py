"""One table of results as one file, and what of it may be published: `release.py` says which rows, and how coarse."""
