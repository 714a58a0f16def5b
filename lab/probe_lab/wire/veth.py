"""A wire into the router made of a veth pair and a packet socket, for machines where /dev/net/tun is closed.

The packet socket reads through a memory-mapped ring (TPACKET_V2, Linux `Documentation/networking/packet_mmap.rst`):
a socket buffer would hold less than a hundred packets for an ordinary user, and a burst would be lost.
"""

from __future__ import annotations

import fcntl
import mmap
import socket
import struct
from array import array
from typing import TYPE_CHECKING

from probe_lab.wire.frames import send_framed, strip_frame

if TYPE_CHECKING:
    from pyroute2 import IPRoute

_ETH_P_ALL = 0x0003
_SOL_PACKET = 263
_PACKET_RX_RING = 5
_PACKET_VERSION = 10
_PACKET_IGNORE_OUTGOING = 23
_TPACKET_V2 = 1
_STATUS_FREE = 0
_STATUS_FILLED = 1
_FRAME_BYTES = 2048  # holds the ring's own header and a frame of a 1500-byte link
_BLOCK_BYTES = 1 << 16
_BLOCKS = 64

_SIOCETHTOOL = 0x8946
_ETHTOOL_COMMANDS = (
    0x0017,  # transmit checksum
    0x0019,  # scatter and gather
    0x001F,  # TCP segmentation
    0x0024,  # generic segmentation
    0x002C,  # generic receive offload
)


class PacketLeg:
    """The router's end of a veth pair: a packet socket that reads from its ring."""

    def __init__(self, interface: str) -> None:
        """Open on an interface of the current network namespace; OSError without CAP_NET_RAW in it."""
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
        self._socket.setsockopt(_SOL_PACKET, _PACKET_VERSION, _TPACKET_V2)
        self._socket.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
        size = _BLOCK_BYTES * _BLOCKS
        frames = size // _FRAME_BYTES
        request = struct.pack("=4I", _BLOCK_BYTES, _BLOCKS, _FRAME_BYTES, frames)
        self._socket.setsockopt(_SOL_PACKET, _PACKET_RX_RING, request)
        self._ring = mmap.mmap(self._socket.fileno(), size)
        self._size = size
        self._offset = 0
        # Bound last: from here on packets fall into the ring.
        self._socket.bind((interface, _ETH_P_ALL))

    def fileno(self) -> int:
        """The descriptor to poll for reading."""
        return self._socket.fileno()

    def read(self) -> bytes | None:
        """The next packet, or None when there is none now."""
        while True:
            start = self._offset
            # struct tpacket2_hdr: status, length, captured length (u32), offsets of link and network header (u16)
            status, _, captured, link = struct.unpack_from("=3IH", self._ring, start)
            if not status & _STATUS_FILLED:
                return None
            packet = strip_frame(self._ring[start + link : start + link + captured])
            struct.pack_into("=I", self._ring, start, _STATUS_FREE)
            self._offset = (start + _FRAME_BYTES) % self._size
            if packet is not None:
                return packet

    def write(self, packet: bytes) -> None:
        """Deliver a packet to the host."""
        send_framed(self._socket.fileno(), packet)


def make_pair(route: IPRoute, *, outer: str, inner: str, inner_net: int) -> None:
    """Make a veth pair: `outer` in the current network namespace, `inner` in the one behind a descriptor."""
    route.link("add", ifname=outer, kind="veth", peer={"ifname": inner, "net_ns_fd": inner_net})


def offloads_off(interface: str) -> None:
    """Have the kernel complete checksums and segments before packets reach the wire (ETHTOOL ioctl)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as any_socket:
        for command in _ETHTOOL_COMMANDS:
            value = array("I", (command, 0))
            address, _ = value.buffer_info()
            fcntl.ioctl(any_socket, _SIOCETHTOOL, struct.pack("16sP16x", interface.encode(), address))
