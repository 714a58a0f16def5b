"""The secret keys of an issuer: two of each month, for years ahead, in one file for its owner alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from probe.config.private_file import check_private
from probe.config.settings import SettingsError
from probe.core.blind_signatures import BITS, is_modulus
from probe.core.json_decoders import decode_json
from probe.core.progress import Progress, ignore_progress
from probe.store.files.atomic import replace_file
from probe.store.signing.age_proofs import MAX_KEYS_BYTES, IssuerKeys, Month, MonthKeys, add_months
from probe_operate.issuer.blind_signer import BlindSigner, make_signer

MONTHS = 36
PUBLIC_SUFFIX = ".public.json"

_Prime = Annotated[str, msgspec.Meta(pattern=rf"^[0-9a-f]{{{BITS // 8}}}\Z")]
_Primes = tuple[_Prime, _Prime]


class MonthSecrets(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The primes of both keys of a month."""

    coupon: _Primes
    proof: _Primes

    def __repr__(self) -> str:
        return "MonthSecrets(...)"


class IssuerSecret(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of an issuer's keys."""

    format: Literal["reachability-probe issuer's secret 1"] = "reachability-probe issuer's secret 1"
    months: Annotated[dict[Month, MonthSecrets], msgspec.Meta(max_length=120)]

    def has(self, month: str) -> bool:
        """Whether there are keys of a month."""
        return month in self.months

    def find_coupon(self, month: str) -> BlindSigner:
        """The key of a month. Raises KeyError where there is none."""
        return _signer(self.months[month].coupon)

    def find_proof(self, month: str) -> BlindSigner:
        """As `find_coupon`."""
        return _signer(self.months[month].proof)

    def describe_public(self) -> bytes:
        """The document of the public keys: the same bytes each time."""
        return msgspec.json.encode(IssuerKeys(months={month: MonthKeys(
            coupon=_hex(_signer(keys.coupon).modulus), proof=_hex(_signer(keys.proof).modulus))
            for month, keys in sorted(self.months.items())}))


def make_issuer_secret(path: Path, *, first: str, months: int = MONTHS, progress: Progress = ignore_progress) -> Path:
    """Writes new keys from a month (YYYY-MM) on, and the public ones beside them; where these are. Raises StoreError,
    and SettingsError where there are keys already: with others, nobody's age would count any more."""
    if path.exists():
        raise SettingsError(f"{path} is there already: with new keys everybody's age would begin anew")
    made = {}
    for number in range(months):
        made[add_months(first, number)] = MonthSecrets(coupon=_draw(), proof=_draw())
        progress(number + 1, months)
    secret = IssuerSecret(months=made)
    public = path.with_name(path.name + PUBLIC_SUFFIX)
    replace_file(path, msgspec.json.encode(secret))
    replace_file(public, secret.describe_public())
    return public


def read_issuer_secret(path: Path) -> IssuerSecret:
    """The keys in a file that nobody but its owner may read. Raises SettingsError; its text repeats no key."""
    check_private(path, holds="an issuer's keys")
    try:
        with path.open("rb") as file:
            content = file.read(2 * MAX_KEYS_BYTES)
        secret = decode_json(content, IssuerSecret)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise SettingsError(f"{path}: holds no keys of an issuer; make them: probe issuer make -o {path}") from None
    if not all(is_modulus(_signer(primes).modulus) for keys in secret.months.values()
               for primes in (keys.coupon, keys.proof)):
        raise SettingsError(f"{path}: is damaged; take it from a backup")
    return secret


def _draw() -> _Primes:
    signer = make_signer()
    return _hex(signer.p, BITS // 8), _hex(signer.q, BITS // 8)


def _signer(primes: _Primes) -> BlindSigner:
    return BlindSigner(p=int(primes[0], 16), q=int(primes[1], 16))


def _hex(value: int, digits: int = BITS // 4) -> str:
    return f"{value:0{digits}x}"
