"""Where the source tree lies, whichever folder a test is in."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LAB_HELPERS = ROOT / "tests" / "lab" / "helpers"
LAB_CLIENTS = LAB_HELPERS / "lab_clients"
"""Programs that tests run on the client side of a laboratory."""
