"""Run a program with other name servers in its resolv.conf: `resolvers.py ADDRESS[,ADDRESS...] PROGRAM ...`.

The file is covered in a mount namespace of the program's own, so nobody else sees the change.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from probe_lab.host import namespaces as ns
from probe_lab.host.mounts import cover_file, make_private


def main(addresses: list[str], program: list[str]) -> None:
    """Cover the file and become the program. Raises OSError where the kernel refuses, RuntimeError without the file."""
    ns.enter_new_user(uid=os.geteuid(), gid=os.getegid())
    ns.unshare(ns.NEW_MOUNT)
    make_private()
    with tempfile.NamedTemporaryFile("w", suffix=".conf", delete=False) as file:
        file.writelines(f"nameserver {address}\n" for address in addresses)
    covered = cover_file("/etc/resolv.conf", Path(file.name))
    os.unlink(file.name)
    if not covered:
        raise RuntimeError("there is no /etc/resolv.conf to cover")
    os.execvp(program[0], program)


if __name__ == "__main__":
    main(sys.argv[1].split(","), sys.argv[2:])
