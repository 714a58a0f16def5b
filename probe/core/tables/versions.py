"""Versions that every row carries."""

SCHEMA_VERSION = "2"
"""Raised when a column is removed or changes its meaning; a new column alone does not raise it."""
TLS_LIBRARY = r"^([A-Za-z]{1,16} [0-9]{1,3}\.[0-9]{1,3})\."
"""Of the version that a TLS library states, the part on which its ClientHello depends: OpenSSL 3.5 sends one of two
segments, with a post-quantum key, and 3.0 does not."""
