"""A wire into the router made of a TAP device (Linux `Documentation/networking/tuntap.rst`)."""

from __future__ import annotations

import fcntl
import os
import struct

from probe.lab.frames import send_framed, unframed

_DEVICE = "/dev/net/tun"
_TUNSETIFF = 0x4004_54CA
_IFF_TAP = 0x0002
_IFF_NO_PI = 0x1000
_LONGEST_FRAME = 65_535


class TapLeg:
    """The router's end of a TAP device; without IFF_VNET_HDR the kernel completes every checksum and segment."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def fileno(self) -> int:
        """The descriptor to poll for reading."""
        return self._fd

    def read(self) -> bytes | None:
        """The next packet, or None when there is none now."""
        while True:
            try:
                frame = os.read(self._fd, _LONGEST_FRAME)
            except BlockingIOError:
                return None
            packet = unframed(frame)
            if packet is not None:
                return packet

    def write(self, packet: bytes) -> None:
        """Deliver a packet to the host."""
        send_framed(self._fd, packet)


def open_tap(interface: str) -> TapLeg:
    """Make a TAP device in the current network namespace; OSError where /dev/net/tun is closed or not what it says."""
    fd = os.open(_DEVICE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.ioctl(fd, _TUNSETIFF, struct.pack("16sH22x", interface.encode(), _IFF_TAP | _IFF_NO_PI))
    except OSError:
        os.close(fd)
        raise
    return TapLeg(fd)
