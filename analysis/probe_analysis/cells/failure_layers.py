"""The layers under which cells count failures, and the names of their columns."""

from __future__ import annotations

from typing import Final, Literal

FailureLayer = Literal["dns", "tcp", "tls", "http", "other"]
LAYERS: Final[tuple[FailureLayer, ...]] = ("dns", "tcp", "tls", "http", "other")
"""`tcp` is all that happens to an address below TLS, `other` what is none of these."""
FAILED: Final = tuple(f"failed_{layer}" for layer in LAYERS)
"""Columns of counts, one for each layer."""
