"""Versions that every row carries."""

SCHEMA_VERSION = "1"
"""Raised when a column is removed or changes its meaning; a new column alone does not raise it."""
