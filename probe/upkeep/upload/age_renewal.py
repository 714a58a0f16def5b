"""Before an upload: registers once, gets the proof of this month, and puts it to the place of uploads.

Nothing here fails an upload: what goes wrong is told, and the next upload tries again. Without a proof a name's age is
what the collector's own record says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from probe.config.folders import find_own_state
from probe.config.month_key import read_month_key
from probe.core.blind_signatures import BlindError
from probe.core.safe_files import open_regular
from probe.core.translation import say
from probe.store.archive.proof_names import make_proof_name
from probe.store.files.atomic import StoreError, replace_file, translate_os_errors
from probe.store.runs.run_reader import read_head
from probe.store.signing.age_proofs import (
    MAX_KEYS_BYTES,
    MONTHS_BEFORE,
    AgeError,
    IssuerKeys,
    add_months,
    read_issuer_keys,
)
from probe.upkeep.issuer.issuer_protocol import RefusalWord, RefusedError, RegisterRequest
from probe.upkeep.upload.age_wallet import (
    AgeWallet,
    begin_exchange,
    begin_registration,
    finish_exchange,
    make_request,
    open_coupon,
    read_wallet,
    write_wallet,
)
from probe.upkeep.upload.issuer_client import IssuerClient
from probe.upkeep.upload.sender import Sender, UploadError
from probe.upkeep.upload.upload_state import list_stored_runs

KEYS_FILE = "age-keys.json"
_RUNS_LOOKED_AT = 48
_PUT_S = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalTerms:
    """Whose age, and where it is proved."""

    client: IssuerClient
    digest: str
    """Of the issuer's keys, as all volunteers were told."""
    results: Path
    sender: Sender
    now: datetime
    folder: Path | None = None
    """Where the state is kept; None: where this user's is."""
    seal: Callable[[str, bytes], tuple[str, bytes]] | None = None
    """How what is sent is encrypted, where it is."""

    @property
    def month(self) -> str:
        """YYYY-MM, in UTC, as runs are named."""
        return f"{self.now.astimezone(UTC):%Y-%m}"


def renew_age(terms: RenewalTerms) -> list[str]:
    """Does what is due; what a person should know of it. Never raises for a network, a server or a file."""
    messages: list[str] = []
    try:
        wallet, was_lost = read_wallet(terms.digest, folder=terms.folder)
        if was_lost:
            messages.append(say("The record that proves that this installation is not new cannot be used; it registers "
                                "anew."))
        keys = _read_keys(terms)
        if wallet.coupon is None:
            messages.append(_register(wallet, keys, terms))
        else:
            _send_proof(_exchange(wallet, keys, terms), terms)
    except RefusedError as error:
        messages.append(_tell_failure(_REFUSALS[error.word]()))
    except (UploadError, StoreError, AgeError, BlindError) as error:
        messages.append(_tell_failure(str(error)))
    return messages


def _register(wallet: AgeWallet, keys: IssuerKeys, terms: RenewalTerms) -> str:
    month = add_months(terms.month, MONTHS_BEFORE)
    serial, blinding = begin_registration(keys, month)
    answer = terms.client.register(RegisterRequest(month=terms.month, blinded=blinding.blinded.hex()))
    coupon = open_coupon(keys, month, serial, blinding, answer.signed)
    write_wallet(msgspec.structs.replace(wallet, coupon=coupon), folder=terms.folder)
    return say("This installation is registered: from {month} on it can prove without a name that it is not new.",
               month=month)


def _exchange(wallet: AgeWallet, keys: IssuerKeys, terms: RenewalTerms) -> AgeWallet:
    """The wallet after an exchange, where one is due. Raises RefusedError, UploadError, StoreError, AgeError,
    BlindError."""
    coupon = wallet.coupon
    assert coupon
    if wallet.waiting is None:
        if coupon.month > terms.month:
            return wallet
        key = read_month_key(terms.month, folder=terms.folder)
        asn = find_usual_network(terms.results, key.name) if key else 0
        if key is None or not asn:
            return wallet
        wallet = msgspec.structs.replace(wallet, waiting=begin_exchange(keys, terms.month, key.name, asn))
        write_wallet(wallet, folder=terms.folder)
    assert wallet.waiting
    try:
        answer = terms.client.exchange(make_request(coupon, wallet.waiting))
    except RefusedError as error:
        if error.word == "month":  # nothing was spent: the next upload begins anew
            write_wallet(msgspec.structs.replace(wallet, waiting=None), folder=terms.folder)
        elif error.word in ("spent", "unknown"):
            write_wallet(AgeWallet(issuer=wallet.issuer), folder=terms.folder)
        raise
    wallet = finish_exchange(wallet, keys, answer)
    write_wallet(wallet, folder=terms.folder)
    return wallet


def _send_proof(wallet: AgeWallet, terms: RenewalTerms) -> None:
    """Puts the proof of this month to the place, once. Raises UploadError, StoreError."""
    if wallet.proof is None or wallet.proof.month != terms.month:
        return
    content = msgspec.json.encode(wallet.proof)
    name = make_proof_name(terms.month, content)
    if wallet.sent != name:
        sent = terms.seal(name, content) if terms.seal else (name, content)
        terms.sender.put(*sent, timeout_s=_PUT_S)
        write_wallet(msgspec.structs.replace(wallet, sent=name), folder=terms.folder)


def find_usual_network(results: Path, probe_id: str) -> int:
    """The number of the network in which most of a name's last runs were made; 0: of none that is known. Raises
    StoreError."""
    found: Counter[int] = Counter()
    for _, run_id in sorted(list_stored_runs(results))[-_RUNS_LOOKED_AT:]:
        vantage = read_head(results, run_id).vantage
        if vantage.probe_id == probe_id and vantage.probe_asn > 0:
            found[vantage.probe_asn] += 1
    return found.most_common(1)[0][0] if found else 0


def _read_keys(terms: RenewalTerms) -> IssuerKeys:
    """The issuer's keys: those that are kept, else fetched ones. Raises AgeError for others than were told of."""
    path = (terms.folder or find_own_state()) / KEYS_FILE
    if path.is_file():
        with translate_os_errors(path), open_regular(path) as file:
            content = file.read(MAX_KEYS_BYTES + 1)
        try:
            return read_issuer_keys(content, terms.digest)
        except AgeError:  # damaged, or of another issuer
            pass
    content = terms.client.fetch_keys()
    try:
        keys = read_issuer_keys(content, terms.digest)
    except AgeError as error:
        raise AgeError(say("the issuer's keys {why}", why=str(error))) from None
    replace_file(path, content)
    return keys


def _tell_failure(why: str) -> str:
    return say("No proof of age: {why}. Results are sent all the same, and the next upload tries again.", why=why)


_REFUSALS: dict[RefusalWord, Callable[[], str]] = {
    "malformed": lambda: say("the issuer did not understand"),
    "month": lambda: say("by the issuer's clock it is another month"),
    "spent": lambda: say("somebody else has used this installation's record, perhaps a copy of it; it registers anew"),
    "unknown": lambda: say("the issuer does not know its own signature; this installation registers anew"),
    "full": lambda: say("the issuer registers nobody more today"),
    "keys": lambda: say("the issuer's keys have run out; ask for a new sheet"),
}
