"""Laboratories of the fidelity tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab_both_ends import BothEnds
from lab_fidelity import Watched, Watching, seed_of, watched


@pytest.fixture(scope="module")
def w(request: pytest.FixtureRequest) -> Iterator[Watched]:
    """The laboratory of the scenario that `lab_fidelity.on` names."""
    with watched(request.param, seed_of(request.param)) as alive:
        yield alive


@pytest.fixture(scope="module")
def watch() -> Iterator[Watching]:
    """Opens laboratories of scenarios, one at a time; the last one stays for the next test."""
    with Watching() as watching:
        yield watching


@pytest.fixture
def ends(tmp_path: Path) -> BothEnds:
    """Opens a laboratory that captures at the servers' end as well."""
    return BothEnds(tmp_path)
