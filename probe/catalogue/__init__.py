"""What is measured and what is known of it: targets, services, expectations, fingerprints, lists of others.

May import `core`. Reads packaged files and files that a person names; sends nothing. Start with `load.py`, which turns
targets.csv into endpoints, and `sites.py`, which groups endpoints that share a connection.
"""
