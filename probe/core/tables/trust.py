"""Whose signature proves a server: the words of the column `trust`.

Never the operating system's store: a root that somebody installed on the device must show (`device_root`), not pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

TrustPolicy = Literal["web_pki", "signal_root", "record", "none"]
"""How a certificate is judged: a row of `TRUSTS`."""
TrustFinding = Literal[
    "valid", "expired", "not_yet_valid", "self_signed", "unknown_issuer", "device_root", "wrong_name", "invalid"]
"""What was found of one: the words of the column `trust`. device_root: nobody of the web's authorities signed it, but a
root in the store of the device did, which somebody installed there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """One way to judge the certificate that a server presents."""

    name: TrustPolicy
    meaning: str
    judged: bool
    """Whether a certificate can be wrong under this policy."""
    anchors: tuple[str, ...] = ()
    """File names of the roots, in the catalogue's folder `anchors`; empty: certifi's bundle, where judged."""
    issuer_organisation: str = ""
    """Organisation of a private authority. A chain that claims it under an unknown root means that the operator
    changed roots since the catalogue was made, before it means interception."""


TRUSTS: Mapping[TrustPolicy, Trust] = MappingProxyType({
    trust.name: trust
    for trust in (
        Trust(name="web_pki", meaning="a root of certifi's bundle signs for the name that was asked", judged=True),
        Trust(
            name="signal_root",
            meaning="Signal's own root signs for the name that was asked",
            judged=True,
            anchors=("signal_root_a.pem",),
            issuer_organisation="Signal Messenger, LLC",
        ),
        Trust(name="record", meaning="any certificate is recorded and none is judged", judged=False),
        Trust(name="none", meaning="there is no certificate", judged=False),
    )
})

ANCHORS: Mapping[TrustPolicy, tuple[str, ...]] = MappingProxyType({
    trust.name: trust.anchors for trust in TRUSTS.values() if trust.anchors
})
"""The policies with roots of their own, and the files of those roots."""
PRIVATE_ROOTS: Mapping[TrustPolicy, str] = MappingProxyType({
    trust.name: trust.issuer_organisation for trust in TRUSTS.values() if trust.issuer_organisation
})
"""The policies with a private authority, and its organisation."""


def judges_certificates(name: TrustPolicy) -> bool:
    """Whether a certificate can be wrong under this policy; raises KeyError for an unknown one."""
    return TRUSTS[name].judged


UNTRUSTED: tuple[TrustFinding, ...] = ("self_signed", "unknown_issuer", "device_root", "wrong_name", "invalid")
OUT_OF_DATE: tuple[TrustFinding, ...] = ("expired", "not_yet_valid")
UNJUDGED: tuple[TrustPolicy, ...] = ("none", "record")
"""Policies under which no certificate is wrong."""
