"""How a volunteer with a proof of age uploads: by the name of the month, and without the login."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from probe.config.month_key import MonthKey, read_month_key
from probe.store.files.atomic import StoreError
from probe.store.signing.age_proofs import AgeProof
from probe.upkeep.upload.age_wallet import read_wallet
from probe.upkeep.upload.inbox_protocol import make_card


class Introduction:
    """Makes the header of each file, once there is a proof of this month; until then it is empty."""

    def __init__(self, issuer: str, get_now: Callable[[], datetime], *, folder: Path | None = None) -> None:
        self._issuer, self._get_now, self._folder = issuer, get_now, folder
        self._found: tuple[AgeProof, MonthKey] | None = None

    def __call__(self, name: str, content: bytes) -> str:
        """As `introduce` of `HttpSender`."""
        if not self._found:
            self._found = self._find()
        return make_card(*self._found, name, content) if self._found else ""

    def _find(self) -> tuple[AgeProof, MonthKey] | None:
        try:
            proof = read_wallet(self._issuer, folder=self._folder)[0].proof
        except StoreError:
            return None
        if proof is None or proof.month != f"{self._get_now():%Y-%m}":
            return None
        key = read_month_key(proof.month, folder=self._folder)
        return (proof, key) if key and key.name == proof.probe_id else None
