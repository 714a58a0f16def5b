"""What operating systems tell a program of its connections, and what verdicts lack where they do not."""

from __future__ import annotations

import sys

LINUX = sys.platform == "linux"
"""Everything below is read from the kernel by numbers and files of Linux; the same numbers mean something else to
others (11, IP_RECVERR here, is IP_MULTICAST_LOOP to macOS and Windows), so nobody else is asked."""

SILENT_SYSTEM = "this system does not tell of routers"

UNACKNOWLEDGED = ("tls.drop", "http.drop", "app.drop")
"""Block types that need the kernel's word that what was sent was never acknowledged."""

UNTOLD: dict[str, str] = {
    "routers": "which routers lie on the way: where packets are lost, and at which hop, is not looked for",
    "acknowledged": "whether bytes were acknowledged: silence is always called mute, never drop, and what is cut off "
                    "behind the last page goes unseen",
    "icmp": "ICMP errors about a connection: only the system's own word for them is known",
    "gateway": "whether the gateway answers: a shutdown is not told from a broken line of one's own",
    "tunnel": "whether a VPN carries this device: switch it off, or set vantage.network_type to \"vpn\"",
    "packets": "packets: they are not captured",
    "lookup": "why the system's own lookup fails: only answers to direct questions say that a name is denied",
}
"""What other systems do not tell this program, and what follows."""
