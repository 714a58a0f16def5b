"""What the kernel hands to the capture: a classic BPF program over packets that begin with their IP header.

TCP that opens, ends or pushes (SYN, FIN, RST, PSH), acknowledgements without data that come in, UDP from or to port
53, and ICMP errors; no other fragment than the first. Whatever is not ours is forgotten right behind it.
"""

from __future__ import annotations

import struct

SNAP_BYTES = 256
"""So much of a packet is seen at all: its headers, the name in a ClientHello or a request, a small answer."""

_LD_B, _LD_H, _LD_W = 0x30, 0x28, 0x20
_LD_B_X, _LD_H_X = 0x50, 0x48
_LDX_IPV4_HEADER = 0xB1
_RSHIFT, _JUMP, _EQUAL, _GREATER, _ANY_BIT, _RETURN = 0x74, 0x05, 0x15, 0x25, 0x45, 0x06
_PACKET_TYPE = 0xFFFFF004  # SKF_AD_OFF + SKF_AD_PKTTYPE: which way a packet goes
_OUTGOING = 4
_OPENS_ENDS_PUSHES = 0x0F
_LONGEST_BARE_IPV4, _LONGEST_BARE_IPV6 = 120, 60
"""Length of a segment without data: the longest headers that there are (IPv6 counts without its own)."""

_Line = tuple[str, int, int, str, str]
"""Label, operation, operand, and where to go on: if the test holds, if it does not (empty: the next line)."""

_PROGRAM: tuple[_Line, ...] = (
    ("", _LD_B, 0, "", ""),
    ("", _RSHIFT, 4, "", ""),
    ("", _EQUAL, 4, "", "not4"),
    ("", _LD_H, 6, "", ""),
    ("", _ANY_BIT, 0x1FFF, "drop", ""),
    ("", _LDX_IPV4_HEADER, 0, "", ""),
    ("", _LD_B, 9, "", ""),
    ("", _EQUAL, 6, "tcp4", ""),
    ("", _EQUAL, 17, "udp4", ""),
    ("", _EQUAL, 1, "", "drop"),
    ("", _LD_B_X, 0, "", ""),
    ("", _EQUAL, 3, "keep", ""),
    ("", _EQUAL, 11, "keep", ""),
    ("", _EQUAL, 12, "keep", "drop"),
    ("tcp4", _LD_B_X, 13, "", ""),
    ("", _ANY_BIT, _OPENS_ENDS_PUSHES, "keep", ""),
    ("", _LD_H, 2, "", ""),
    ("", _GREATER, _LONGEST_BARE_IPV4, "drop", "bare"),
    ("udp4", _LD_H_X, 0, "", ""),
    ("", _EQUAL, 53, "keep", ""),
    ("", _LD_H_X, 2, "", ""),
    ("", _EQUAL, 53, "keep", "drop"),
    ("not4", _EQUAL, 6, "", "drop"),
    ("", _LD_B, 6, "", ""),
    ("", _EQUAL, 6, "tcp6", ""),
    ("", _EQUAL, 17, "udp6", ""),
    ("", _EQUAL, 58, "", "drop"),
    ("", _LD_B, 40, "", ""),
    ("", _EQUAL, 0, "drop", ""),
    ("", _GREATER, 4, "drop", "keep"),
    ("tcp6", _LD_B, 53, "", ""),
    ("", _ANY_BIT, _OPENS_ENDS_PUSHES, "keep", ""),
    ("", _LD_H, 4, "", ""),
    ("", _GREATER, _LONGEST_BARE_IPV6, "drop", "bare"),
    ("udp6", _LD_H, 40, "", ""),
    ("", _EQUAL, 53, "keep", ""),
    ("", _LD_H, 42, "", ""),
    ("", _EQUAL, 53, "keep", "drop"),
    ("bare", _LD_W, _PACKET_TYPE, "", ""),
    ("", _EQUAL, _OUTGOING, "drop", "keep"),
    ("keep", _RETURN, SNAP_BYTES, "", ""),
    ("drop", _RETURN, 0, "", ""),
)


def make_instructions() -> tuple[tuple[int, int, int, int], ...]:
    """The program as (operation, jump if true, jump if false, operand)."""
    at = {label: number for number, (label, *_) in enumerate(_PROGRAM) if label}
    return tuple(
        (code, at[true] - number - 1 if true else 0, at[false] - number - 1 if false else 0, operand)
        for number, (_, code, operand, true, false) in enumerate(_PROGRAM)
    )


def assemble_filter() -> bytes:
    """The program as the kernel reads it (an array of struct sock_filter)."""
    return b"".join(struct.pack("@HBBI", *line) for line in make_instructions())
