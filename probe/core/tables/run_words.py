"""Words of a run: what started it, where it was made, what its first rungs found."""

from __future__ import annotations

from typing import Literal

Trigger = Literal["timed", "manual", "followup"]
"""What started the run."""
NetworkType = Literal["wired", "wifi", "mobile", "vpn", "unknown"]
"""The kind of access; vpn: the tunnel is the vantage."""
Tunnel = Literal["", "split", "full"]
"""What a VPN carries of this device's traffic; empty: nothing."""
GeoSource = Literal["settings", "table", "none"]
"""Who says in which country and network the vantage lies."""
Privilege = Literal["socket", "packet"]
"""What the probe may see: what any program sees, or packets too."""
Gateway = Literal["answers", "silent", "none", "unknown"]
"""What the default gateway does; none: there is none."""
ResolverState = Literal["ok", "dead", "failing", "unasked"]
"""How the network's resolver fares with innocent names."""
FamilyState = Literal["ok", "broken", "absent", "unknown"]
"""How an address family fares."""
Power = Literal["mains", "battery", "unknown"]
Metered = Literal["yes", "likely", "unknown", "unlikely", "no"]
"""Whether the line is paid for by volume."""
