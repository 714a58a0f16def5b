"""The text form of one DNS reply in `Observation.replies`: `delay_ms|IP TTL|rcode|flags|answers`."""

from __future__ import annotations

from collections.abc import Iterable


def reply_text(delay_ms: float, ip_ttl: int, rcode: str, flags: str, answers: Iterable[str]) -> str:
    """Write a reply; `ip_ttl` is -1 when unknown, `rcode` may be a failure word instead."""
    return f"{delay_ms:.1f}|{ip_ttl}|{rcode}|{flags}|{' '.join(answers)}"


def answers_of_reply(text: str) -> tuple[str, frozenset[str]]:
    """(response code or failure word, answers) of a written reply; empty ones when it cannot be read."""
    parts = text.split("|", 4)
    return (parts[2], frozenset(parts[4].split())) if len(parts) == 5 else ("", frozenset())


def delay_ms_of_reply(text: str) -> float:
    """Milliseconds from the question to a written reply; infinite when it cannot be read."""
    try:
        return float(text.partition("|")[0])
    except ValueError:
        return float("inf")


def flags_of_reply(text: str) -> frozenset[str]:
    """The flags of a written reply (RFC 1035 section 4.1.1): QR, AA, TC, RD, RA; empty when it cannot be read."""
    parts = text.split("|", 4)
    return frozenset(parts[3].split()) if len(parts) == 5 else frozenset()


def ttl_of_reply(text: str) -> int:
    """The IP TTL with which a written reply arrived; -1 when unknown or when it cannot be read."""
    parts = text.split("|", 4)
    return int(parts[1]) if len(parts) == 5 and parts[1].isascii() and parts[1].isdigit() and len(parts[1]) < 4 else -1
