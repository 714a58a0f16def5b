"""Why a laboratory cannot be built or has broken, in words that say what to do next."""

from __future__ import annotations

import errno
import os
import sys
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


_APPARMOR = "kernel.apparmor_restrict_unprivileged_userns"
_RESTRICTIONS = (
    (_APPARMOR, "1", "0", "AppArmor keeps ordinary users out of user namespaces"),
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


def apparmor_profile(program: str) -> str:
    """The shell command that allows one program alone to make user namespaces (apparmor.d(5), rule `userns`)."""
    lines = ("abi <abi/4.0>,", f"profile probe-lab {program} flags=(unconfined) {{", "  userns,", "}")
    written = " ".join(f"'{line}'" for line in lines)
    file = "/etc/apparmor.d/probe-lab"
    return f"printf '%s\\n' {written} | sudo tee {file} && sudo apparmor_parser -r {file}"


def namespace_advice(error: OSError) -> str:
    """What to do about a kernel that refused to make or to configure namespaces."""
    for name, closed, opened, meaning in _RESTRICTIONS:
        if error.errno != errno.ENOSYS and _sysctl(name) == closed:
            advice = f"{meaning} ({error}): run as root, or let an administrator run `sudo sysctl -w {name}={opened}`"
            if name != _APPARMOR:
                return advice
            return f"{advice}, or allow this interpreter alone: `{apparmor_profile(os.path.realpath(sys.executable))}`"
    known = _BY_ERRNO.get(error.errno or 0)
    if known:
        return f"{known} ({error})"
    return (
        f"the kernel refused to make namespaces ({error}); inside a container, start it with `--privileged`, or with "
        "`--security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined`"
    )


_TUN_MODULE = "`sudo modprobe tun`; in a container, start it with `--device /dev/net/tun`"
_TUN_BY_ERRNO = {
    errno.EACCES: "`sudo chmod 666 /dev/net/tun`",
    errno.EPERM: "start the container with `--device /dev/net/tun`, or run as root",
    errno.ENOENT: _TUN_MODULE,
    errno.ENODEV: _TUN_MODULE,
    errno.ENXIO: _TUN_MODULE,
}
_VETH_BY_ERRNO = {errno.EOPNOTSUPP: "`sudo modprobe veth`", errno.EPERM: "run as root"}


def wire_advice(tun: OSError, veth: Exception) -> str:
    """What to do where neither kind of network device can be made; either will do."""
    open_tun = _TUN_BY_ERRNO.get(tun.errno or 0, _TUN_MODULE)
    # A netlink error has its number in `code`.
    code = getattr(veth, "code", None) or getattr(veth, "errno", None) or 0
    open_veth = _VETH_BY_ERRNO.get(code, "`sudo modprobe veth`")
    return (
        f"it needs one of two kinds of network device, and has neither. TUN/TAP ({tun}): {open_tun}. "
        f"veth ({veth}): {open_veth}"
    )


INSTALL = "pip install . ./operate ./lab"
"""How the laboratory and all that it needs is installed, in a checkout of the project."""
INSTALL_FLEET = "pip install . ./analysis ./operate './lab[fleet]'"
"""The same with what made-up fleets need."""
