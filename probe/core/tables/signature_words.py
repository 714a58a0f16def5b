"""What may be said of a run's signature."""

from __future__ import annotations

from typing import Literal

SignatureState = Literal["signed", "unsigned", "damaged", "foreign", "newer"]

SIGNATURE_STATES: dict[SignatureState, str] = {
    "signed": "every table is as its probe signed it",
    "unsigned": "made before runs were signed, or where no key can be kept: nobody can tell whether it was changed",
    "damaged": "a table, or the signature, is not what was signed",
    "foreign": "signed by another key than the one that the name `probe_id` stands for",
    "newer": "signed over columns that this program does not know",
}

UNUSABLE: frozenset[SignatureState] = frozenset({"damaged", "foreign"})
"""Runs that are left out wherever runs are read, and told."""
