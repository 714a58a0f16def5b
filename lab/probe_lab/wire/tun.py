"""Wires into the router made of TAP and TUN devices (Linux `Documentation/networking/tuntap.rst`)."""

from __future__ import annotations

import fcntl
import os
import struct
from contextlib import suppress

from probe_lab.wire.frames import send_framed, strip_frame

_DEVICE = "/dev/net/tun"
_TUNSETIFF = 0x4004_54CA
_IFF_TUN = 0x0001
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
                ethernet_frame = os.read(self._fd, _LONGEST_FRAME)
            except BlockingIOError:
                return None
            packet = strip_frame(ethernet_frame)
            if packet is not None:
                return packet

    def write(self, packet: bytes) -> None:
        """Deliver a packet to the host."""
        send_framed(self._fd, packet)


class TunLeg:
    """The router's end of a TUN device, which carries IP packets without frames."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def fileno(self) -> int:
        """The descriptor to poll for reading."""
        return self._fd

    def read(self) -> bytes | None:
        """The next packet, or None when there is none now."""
        try:
            return os.read(self._fd, _LONGEST_FRAME)
        except BlockingIOError:
            return None

    def write(self, packet: bytes) -> None:
        """Deliver a packet to the host; one that the device will not take is lost, as on any wire."""
        with suppress(OSError):
            os.write(self._fd, packet)


def open_tap(interface: str) -> TapLeg:
    """Make a TAP device in the current network namespace; OSError where /dev/net/tun is closed or not what it says."""
    return TapLeg(_open(interface, _IFF_TAP))


def open_tun(interface: str) -> TunLeg:
    """Make a TUN device in the current network namespace; OSError as for a TAP device."""
    return TunLeg(_open(interface, _IFF_TUN))


def _open(interface: str, kind: int) -> int:
    fd = os.open(_DEVICE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.ioctl(fd, _TUNSETIFF, struct.pack("16sH22x", interface.encode(), kind | _IFF_NO_PI))
    except OSError:
        os.close(fd)
        raise
    return fd
