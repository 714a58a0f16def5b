"""Fixtures of several tests of this room."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from issuer_world import IssuerWorld, issuing


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where issuers' keys are kept: drawing them takes long."""
    return tmp_path_factory.mktemp("keys")


@pytest.fixture
def world(tmp_path: Path, keys: Path) -> Iterator[IssuerWorld]:
    """An issuer on loopback with volunteers beside it."""
    with issuing(tmp_path / "world", keys) as made:
        yield made
