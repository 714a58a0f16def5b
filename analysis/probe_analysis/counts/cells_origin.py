"""What a file of cells was made from, as its metadata say it; whoever asks needs neither pandas nor ibis."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq

ORIGIN_KEY = b"counts"
"""Key of the schema's metadata that tells what the cells were made from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellsOrigin:
    """What cells that were made from somebody's counts do not say in their columns."""

    step: timedelta = timedelta(hours=1)
    names: Mapping[int, str] | None = None
    """Names of networks that have no number; None: the cells are of probes, whose networks have."""
    targets: bool = False
    """Each service is one target of somebody's."""
    witnesses_told: bool = True


def read_origin(path: Path) -> CellsOrigin:
    """What the cells in a file were made from."""
    stored = (pq.read_schema(path).metadata or {}).get(ORIGIN_KEY)
    if stored is None:
        return CellsOrigin()
    known = json.loads(stored)
    return CellsOrigin(step=timedelta(seconds=int(known["step_s"])), targets=bool(known["targets"]),
                       names={int(asn): str(name) for asn, name in known["names"].items()},
                       witnesses_told=bool(known["witnesses_told"]))
