"""What the catalogue knows of the answer that an endpoint gives where nobody interferes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What the genuine service answers; empty fields expect nothing."""

    status: tuple[str, ...] = ()
    """Accepted HTTP status codes: "200", a class "4xx", or "any"; for controls that must find nothing, "closed" (a
    port) or "NXDOMAIN" (a name)."""
    body: tuple[str, ...] = ()
    """The decoded body must contain one of these texts (case-insensitive)."""
    header: str = ""
    """A response header that must be present."""
    location: str = ""
    """Text that the Location header must contain."""
    json: str = ""
    """`path=value` or `path`: a JSON path (dots, [n]) that must exist and, with `=`, equal the value."""
    reply: str = ""
    """Pattern of a messenger's own reply, for protocols that speak their own bytes."""
