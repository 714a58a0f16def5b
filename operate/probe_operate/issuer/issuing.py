"""What an issuer answers: a first coupon to whoever registers, and a proof and the next coupon for each coupon.

It never learns which coupon or proof it signed. A coupon is taken once. The same request may come again, since an
answer can be lost: it gets the same answer, for what is signed follows from the request alone.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from probe.store.signing.age_proofs import MONTHS_BEFORE, add_months, read_issuer_keys
from probe.upkeep.issuer.issuer_protocol import (
    ExchangeAnswer,
    ExchangeRequest,
    RefusedError,
    RegisterAnswer,
    RegisterRequest,
)
from probe_operate.issuer.blind_signer import BlindSigner
from probe_operate.issuer.issuer_secret import IssuerSecret
from probe_operate.issuer.ledger import Ledger, Spending

MOST_PER_DAY = 200
"""Registrations a day, of everybody together: no address is kept that could distinguish them."""


def get_utc_now() -> datetime:
    """The time by this machine's clock."""
    return datetime.now(UTC)


class Issuer:
    """One issuer; safe between threads."""

    def __init__(self, secret: IssuerSecret, ledger: Ledger, *, most_per_day: int = MOST_PER_DAY,
                 get_now: Callable[[], datetime] = get_utc_now) -> None:
        self._secret, self._ledger, self._most, self._get_now = secret, ledger, most_per_day, get_now
        self.public = secret.describe_public()
        """The document of the public keys."""
        self._keys = read_issuer_keys(self.public)

    def register(self, request: RegisterRequest) -> RegisterAnswer:
        """A first coupon. Raises RefusedError, StoreError."""
        now = self._get_now()
        month = self._check_month(request.month, now)
        signer = self._find(month, MONTHS_BEFORE)
        signed = _sign(signer, request.blinded)
        if not self._ledger.register(f"{now:%Y-%m-%d}", most=self._most):
            raise RefusedError("full")
        return RegisterAnswer(signed=signed)

    def exchange(self, request: ExchangeRequest) -> ExchangeAnswer:
        """A proof and the next coupon. Raises RefusedError, StoreError."""
        coupon = request.coupon
        if not self._secret.has(coupon.month) or not coupon.is_signed(self._keys):
            raise RefusedError("unknown")
        serial = bytes.fromhex(coupon.serial)
        month = self._check_again(serial, request) or self._check_month(request.month, self._get_now())
        if coupon.month > month:
            raise RefusedError("month")
        answer = ExchangeAnswer(proof=_sign(self._find(month, 0, proof=True), request.proof),
                                next=_sign(self._find(month, 1), request.next))
        taken = self._ledger.spend(serial, Spending(request=request.digest, month=month))
        if taken.request != request.digest:
            raise RefusedError("spent")
        return answer

    def _check_again(self, serial: bytes, request: ExchangeRequest) -> str:
        """The month of a request that was answered before; empty for a coupon that nobody has spent."""
        before = self._ledger.find(serial)
        if before is None:
            return ""
        if before.request != request.digest:
            raise RefusedError("spent")
        return before.month

    def _check_month(self, stated: str, now: datetime) -> str:
        month = f"{now:%Y-%m}"
        if stated != month:
            raise RefusedError("month")
        return month

    def _find(self, month: str, later: int, *, proof: bool = False) -> BlindSigner:
        """The key of so many months later."""
        wanted = add_months(month, later)
        if not self._secret.has(wanted):
            raise RefusedError("keys")
        return self._secret.find_proof(wanted) if proof else self._secret.find_coupon(wanted)


def _sign(signer: BlindSigner, blinded: str) -> str:
    try:
        return signer.sign(bytes.fromhex(blinded)).hex()
    except ValueError:
        raise RefusedError("malformed") from None
