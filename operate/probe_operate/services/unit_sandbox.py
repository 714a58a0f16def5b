"""What a service of ours is not let do, as lines of a unit; systemd.exec(5) tells each. Pure."""

from __future__ import annotations

from collections.abc import Iterator


def list_sandbox_lines(*, low_port: bool = False, others_files: bool = False) -> Iterator[str]:
    """No file system to write to, no devices, no other processes, and no right beyond a user's. `low_port`: it listens
    below 1024, which takes one. `others_files`: it reads and writes files of a user that is there before it."""
    capability = "CAP_NET_BIND_SERVICE" if low_port else ""
    yield from ("UMask=0077", "ProtectSystem=strict", "ProtectHome=read-only", "PrivateTmp=yes", "PrivateDevices=yes",
                "ProtectProc=invisible", "ProcSubset=pid", "", "NoNewPrivileges=yes",
                f"AmbientCapabilities={capability}", f"CapabilityBoundingSet={capability}")
    if not low_port and not others_files:
        yield "PrivateUsers=yes"
    yield from (
        "ProtectClock=yes", "ProtectControlGroups=yes", "ProtectHostname=yes", "ProtectKernelLogs=yes",
        "ProtectKernelModules=yes", "ProtectKernelTunables=yes",
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK", "RestrictNamespaces=yes",
        "RestrictRealtime=yes", "RestrictSUIDSGID=yes", "LockPersonality=yes", "RemoveIPC=yes",
        "SystemCallArchitectures=native", "SystemCallFilter=@system-service",
        "SystemCallFilter=~@privileged @resources", "SystemCallErrorNumber=EPERM")
