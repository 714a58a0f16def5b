"""Why a laboratory cannot be built or has broken, in words that say what to do next."""

from __future__ import annotations

import errno
from pathlib import Path


class LabUnavailable(Exception):
    """This machine cannot build a laboratory; the text says why and what to do."""


class LabFailed(Exception):
    """A laboratory broke: a part of it died, or could not start; results made in it must not be trusted."""


def _sysctl(name: str) -> str:
    """The value of a kernel setting, or "" where this kernel has no such setting."""
    try:
        return Path("/proc/sys", name.replace(".", "/")).read_text().strip()
    except OSError:
        return ""


_RESTRICTIONS = (
    ("kernel.apparmor_restrict_unprivileged_userns", "1", "0", "AppArmor keeps ordinary users out of user namespaces"),
    ("kernel.unprivileged_userns_clone", "0", "1", "the kernel keeps ordinary users out of user namespaces"),
    ("user.max_user_namespaces", "0", "10000", "user namespaces are switched off"),
    ("user.max_net_namespaces", "0", "10000", "network namespaces are switched off"),
    ("user.max_mnt_namespaces", "0", "10000", "mount namespaces are switched off"),
    ("user.max_pid_namespaces", "0", "10000", "process namespaces are switched off"),
)

_BY_ERRNO = {
    errno.ENOSPC: "this user holds too many namespaces: end other laboratories, or raise the user.max_*_namespaces "
    "settings of the kernel",
    errno.EUSERS: "user namespaces are nested too deeply: run outside of containers",
    errno.ENOSYS: "this kernel was built without namespaces: use another machine",
    errno.EINVAL: "this kernel was built without one of the user, network, mount and process namespaces: use another "
    "machine",
}


def namespace_advice(error: OSError) -> str:
    """What to do about a kernel that refused to make or to configure namespaces."""
    for name, closed, opened, meaning in _RESTRICTIONS:
        if error.errno != errno.ENOSYS and _sysctl(name) == closed:
            return f"{meaning} ({error}): run as root, or let an administrator run `sysctl -w {name}={opened}`"
    known = _BY_ERRNO.get(error.errno or 0)
    if known:
        return f"{known} ({error})"
    return (
        f"the kernel refused to make namespaces ({error}); inside a container, start it with `--privileged`, or with "
        "`--security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined`"
    )


def wire_advice(tun: OSError, veth: Exception) -> str:
    """What to do where neither kind of network device can be made."""
    return (
        f"neither TUN/TAP ({tun}) nor veth ({veth}) devices can be made: load one of the kernel modules "
        "(`modprobe tun` or `modprobe veth`), or make /dev/net/tun accessible (`chmod 666 /dev/net/tun`; for a "
        "container `--device /dev/net/tun`)"
    )
