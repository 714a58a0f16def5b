"""The same words said from elsewhere: a vantage point of the world, behind no censor's box."""

from __future__ import annotations

import json
import sys
from typing import Any

from lab_fidelity import Place, Watched
from project_root import LAB_CLIENTS

SAY = LAB_CLIENTS / "say.py"
ELSEWHERE_S = 3
"""How long a vantage point waits for an answer: ten times the longest round trip."""


def elsewhere(
    w: Watched, place: Place, payload: bytes, *, port: int = 0, transport: str = "tcp", timeout_s: float = ELSEWHERE_S
) -> tuple[str, bytes]:
    """How it failed (empty: it did not) and the first that came back."""
    command = [sys.executable, "-I", str(SAY), transport, place.address, str(port or place.port), payload.hex()]
    host = w.drawn.world.vantages[0].control_id
    done = w.lab.run([*command, str(timeout_s)], host=host, timeout_s=60)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found["failure"], bytes.fromhex(found["data"])
