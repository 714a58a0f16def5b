"""From exceptions and response codes to failure words: OONI's vocabulary (df-007), in one place."""

from __future__ import annotations

import errno
import re
import socket
import ssl
from typing import Final, Literal, get_args

from probe.core.tables.systems import LINUX
from probe.core.tables.trust import TrustFinding
from probe.core.tables.words import Empty, read_word

Failure = Literal[
    "", "connection_refused", "connection_reset", "connection_aborted", "host_unreachable", "network_unreachable",
    "network_down", "network_reset", "timed_out", "permission_denied", "address_not_available",
    "address_family_not_supported", "invalid_argument", "message_size", "no_buffer_space", "dns_nxdomain_error",
    "dns_no_answer", "dns_temporary_failure", "dns_server_misbehaving", "dns_refused_error", "dns_servfail_error",
    "dns_bogon_error", "ssl_invalid_certificate", "ssl_unknown_authority",
    "ssl_invalid_hostname", "ssl_failed_handshake", "ssl_no_application_protocol", "generic_timeout_error",
    "eof_error", "http_unexpected_status_code", "http_invalid_redirect_location_host", "interrupted",
    "unknown_failure",
]
"""The fixed words; empty: it did not fail. Beside them stand `ssl_error: <reason>`, `unknown_failure: <text>` and what
others wrote in their files (`open_failure`): these equal none of the words."""
FAILURES: tuple[Failure, ...] = get_args(Failure)
FailureKind = Failure | Literal["timeout"]
"""A failure, or `timeout` for either of the two that silence ends in."""

ERRNO_FAILURES: dict[int, Failure] = {
    errno.ECONNREFUSED: "connection_refused",
    errno.ECONNRESET: "connection_reset",
    errno.EPIPE: "connection_reset",
    errno.ECONNABORTED: "connection_aborted",
    errno.EHOSTUNREACH: "host_unreachable",
    errno.EHOSTDOWN: "host_unreachable",
    errno.ENETUNREACH: "network_unreachable",
    errno.ENETDOWN: "network_down",
    errno.ENETRESET: "network_reset",
    errno.ETIMEDOUT: "timed_out",
    errno.EACCES: "permission_denied",
    errno.EPERM: "permission_denied",
    errno.EADDRNOTAVAIL: "address_not_available",
    errno.EAFNOSUPPORT: "address_family_not_supported",
    errno.EINVAL: "invalid_argument",
    errno.EMSGSIZE: "message_size",
    errno.ENOBUFS: "no_buffer_space",
    errno.EPROTO: "host_unreachable",
}

GAI_FAILURES: dict[int, Failure] = {
    socket.EAI_NONAME: "dns_nxdomain_error",
    getattr(socket, "EAI_NODATA", -5): "dns_no_answer",
    socket.EAI_AGAIN: "dns_temporary_failure",
    socket.EAI_FAIL: "dns_server_misbehaving",
}
"""Of Linux's C libraries. Others say "no such name" after silence, too (macOS), or for a name without addresses
(Windows), and a denial would convict where silence does not: there no reason is taken at its word."""

RCODE_FAILURES: dict[str, Failure] = {
    "NXDOMAIN": "dns_nxdomain_error",
    "REFUSED": "dns_refused_error",
    "SERVFAIL": "dns_servfail_error",
}

X509_TRUST: dict[int, TrustFinding] = {
    9: "not_yet_valid",
    10: "expired",
    18: "self_signed",
    19: "self_signed",
    20: "unknown_issuer",
    21: "unknown_issuer",
    62: "wrong_name",
    63: "wrong_name",
    64: "wrong_name",
}
"""OpenSSL's X509_V_ERR codes to our trust words. 19 (self-signed in chain) means an unknown private root."""

TRUST_FAILURES: dict[TrustFinding, Failure] = {
    "expired": "ssl_invalid_certificate",
    "not_yet_valid": "ssl_invalid_certificate",
    "invalid": "ssl_invalid_certificate",
    "self_signed": "ssl_unknown_authority",
    "unknown_issuer": "ssl_unknown_authority",
    "device_root": "ssl_unknown_authority",
    "wrong_name": "ssl_invalid_hostname",
}

TIMEOUT: Final = "generic_timeout_error"
TIMEOUTS: frozenset[Failure] = frozenset(("generic_timeout_error", "timed_out"))
EOF: Final = "eof_error"
CUT_OFF: tuple[Failure, ...] = ("connection_reset", "connection_aborted", "eof_error")
"""A connection was ended, by whichever side."""
NO_ANSWER: Final = "dns_no_answer"

_ADDRESS = re.compile(r"\[?(?:[0-9a-fA-F]{0,4}:){2,}[0-9a-fA-F.]*\]?(?::\d+)?|\d+(?:\.\d+){3}(?::\d+)?")

SHORTAGES = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL, errno.EAGAIN))
"""Of descriptors, buffers, memory and ports: errors of our own end, which say nothing of whom it would have asked."""
_SHORT_WORDS: tuple[Failure, ...] = ("address_not_available", "no_buffer_space")
_SHORT_TEXT = re.compile(rf"unknown_failure: \w+ \[Errno ({'|'.join(map(str, sorted(SHORTAGES)))})\] .*")


def is_own_shortage(failure: Failure) -> bool:
    """Whether a failure is one of `SHORTAGES`."""
    return failure in _SHORT_WORDS or _SHORT_TEXT.fullmatch(failure) is not None


def scrub_addresses(text: str) -> str:
    """Return `text` without anything that looks like an address, bounded to 200 characters."""
    return _ADDRESS.sub("[scrubbed]", text)[:200]


def open_failure(text: str) -> Failure:
    """A failure in the words of whoever says so, as text of files and of the network is."""
    return read_word(text, FAILURES)


def trust_failure(found: TrustFinding | Empty) -> Failure:
    """With what a handshake failed whose certificate was found so; empty for a valid one, and for none."""
    return TRUST_FAILURES.get(found, "") if found else ""


def kind_of(failure: Failure) -> FailureKind:
    """What failures of one kind have in common: silence ends by a time of ours or by the kernel's."""
    return "timeout" if failure in TIMEOUTS else failure


def is_timeout(failure: Failure) -> bool:
    """Whether a time of ours was up, also in the words of others; the kernel's own is `timed_out`."""
    return "timeout" in failure


def classify_failure(error: BaseException) -> Failure:
    """The failure word of a network exception; unknown ones become `unknown_failure: ...`, scrubbed."""
    if isinstance(error, socket.gaierror):
        return (LINUX and GAI_FAILURES.get(error.errno or 0)) or "dns_server_misbehaving"
    if isinstance(error, ssl.SSLCertVerificationError):
        return TRUST_FAILURES[X509_TRUST.get(error.verify_code, "invalid")]
    if isinstance(error, ssl.SSLError):
        return open_failure(f"ssl_error: {scrub_addresses((getattr(error, 'reason', None) or 'unknown').lower())}")
    if isinstance(error, TimeoutError) and error.errno is None:
        return TIMEOUT
    if isinstance(error, OSError) and error.errno in ERRNO_FAILURES:
        return ERRNO_FAILURES[error.errno]
    return open_failure(f"unknown_failure: {scrub_addresses(f'{type(error).__name__} {error}')}")


def classify_datagram_failure(error: BaseException) -> Failure:
    """As `classify_failure`, of a UDP socket: nobody resets datagrams, but Windows calls a closed port (ICMP) that."""
    return "connection_refused" if isinstance(error, ConnectionResetError) else classify_failure(error)


def classify_rcode(rcode: str, has_answers: bool) -> Failure:
    """The failure word of a DNS response; empty when it carries addresses."""
    if rcode == "NOERROR":
        return "" if has_answers else NO_ANSWER
    return RCODE_FAILURES.get(rcode, "dns_server_misbehaving")
