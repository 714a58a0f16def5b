"""What both warm interpreters import beside their own: libraries, and modules that load the next when first needed."""

from __future__ import annotations

from importlib.metadata import entry_points


def modules_of(program: str) -> tuple[str, ...]:
    """The modules that a program of the probe, `run` or `helper`, imports late: its own list, by its entry point.

    Empty for programs that have none, and where the probe is not installed: they load their modules themselves.
    """
    return tuple(module for entry in entry_points(group="probe.preload", name=program) for module in entry.load())


_TYPES = ("A", "AAAA", "CNAME", "NS", "OPT", "SOA")
_PAYLOADS = (512, 1232, 4096)
"""Of EDNS (RFC 6891): where other records have their class, OPT has how much its sender takes."""


def look_up_record_types() -> None:
    """dnspython looks for a type's module, often in vain, when it first meets the type in a class; then it knows."""
    from dns.rdata import get_rdata_class
    from dns.rdataclass import RdataClass
    from dns.rdatatype import RdataType

    for name in _TYPES:
        get_rdata_class(RdataClass.IN, RdataType.make(name))  # type: ignore[no-untyped-call]
    for payload in _PAYLOADS:
        get_rdata_class(RdataClass.make(payload), RdataType.OPT)  # type: ignore[no-untyped-call]
