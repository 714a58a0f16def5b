"""The version of the rules."""

RULES_VERSION = "34"
"""Raised whenever a change of the rules can change a verdict."""
