"""The rules: ordered tables of pure predicates over evidence. The first that holds decides."""

RULES_VERSION = "31"
"""Raised whenever a change of the rules can change a verdict."""
