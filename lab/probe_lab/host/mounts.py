"""What a client's file system says inside the laboratory: its resolver, its trust, its marker (mount_namespaces(7)).

Files are covered by bind mounts in a mount namespace of their own; nothing on the machine is changed. Covers are
looked up through symbolic links, because a mount on a link would cover what the link points to in any case.
"""

from __future__ import annotations

import base64
import ctypes
import hashlib
import os
import re
import shutil
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from probe.catalogue.load import find_catalogue_file
from probe_lab.host.namespaces import check
from probe_lab.lab_errors import LabUnavailable
from probe_lab.pki import WEB_CA

_MS_NOSUID_NODEV_NOEXEC = 0x2 | 0x4 | 0x8
_MS_BIND = 0x1000
_MS_REC = 0x4000
_MS_PRIVATE = 0x4_0000

_libc = ctypes.CDLL(None, use_errno=True)

_NAME_SERVICE_SOCKETS = ("/run/nscd", "/var/run/nscd", "/run/systemd/resolve", "/run/avahi-daemon")
"""Directories through which a resolver outside would answer."""

_UPSTREAM_LIST = "/run/systemd/resolve/resolv.conf"
"""Where systemd-resolved tells which resolvers it forwards to."""

_SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
)

_STRANGE_VARIABLES = frozenset(
    (
        *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
        *("ssl_cert_file", "ssl_cert_dir", "requests_ca_bundle", "curl_ca_bundle"),
    )
)


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment without variables (in either case) that name proxies or roots of trust of the outside."""
    return {name: value for name, value in environment.items() if name.lower() not in _STRANGE_VARIABLES}


def _mount(source: Path | str, target: Path | str, kind: str = "", *, flags: int = 0, options: str = "") -> None:
    encoded = (os.fsencode(source), os.fsencode(target), kind.encode() or None)
    check(_libc.mount(*encoded, ctypes.c_ulong(flags), os.fsencode(options) or None), f"mount on {target}")


def make_private() -> None:
    """Keep mounts made from now on inside this mount namespace."""
    _mount("none", "/", flags=_MS_REC | _MS_PRIVATE)


def remount_proc() -> None:
    """Show this process namespace in /proc; where a container forbids it the outer view stays, which also serves."""
    with suppress(OSError):
        _mount("proc", "/proc", "proc", flags=_MS_NOSUID_NODEV_NOEXEC)


def _remount_sys(scratch: Path) -> None:
    """Show this network namespace in /sys/class/net, keeping the control groups; left alone where forbidden."""
    groups = Path("/sys/fs/cgroup")
    with suppress(OSError):
        scratch.mkdir()
        _mount(groups, scratch, flags=_MS_BIND | _MS_REC)
        _mount("sysfs", "/sys", "sysfs", flags=_MS_NOSUID_NODEV_NOEXEC)
        _mount(scratch, groups, flags=_MS_BIND | _MS_REC)


def hide_folder(directory: Path | str) -> None:
    """Cover a directory with an empty one; nothing happens where there is none."""
    real = os.path.realpath(directory)
    if os.path.isdir(real):
        _mount("tmpfs", real, "tmpfs", flags=_MS_NOSUID_NODEV_NOEXEC)


def cover_file(target: Path | str, source: Path) -> bool:
    """Let an existing file read as `source`; False where there is no such file."""
    real = os.path.realpath(target)
    if not os.path.isfile(real):
        return False
    _mount(source, real, flags=_MS_BIND)
    return True


def _plain_name_service() -> str:
    """The machine's nsswitch.conf(5) with host names looked up in the hosts file and the DNS only."""
    with suppress(OSError):
        lines = Path("/etc/nsswitch.conf").read_text(errors="replace").splitlines()
        return "\n".join([*(line for line in lines if not line.lstrip().startswith("hosts:")), "hosts: files dns", ""])
    return ""


def _cover_resolver(source: Path) -> None:
    target = "/etc/resolv.conf"
    if cover_file(target, source):
        return
    # A link into a directory that is hidden: the file is made in the empty one that covers it.
    real = Path(os.path.realpath(target))
    if not real.parent.is_dir() or str(real.parent) not in map(os.path.realpath, _NAME_SERVICE_SOCKETS):
        raise LabUnavailable("there is no /etc/resolv.conf to cover: create an empty one (`touch /etc/resolv.conf`)")
    shutil.copyfile(source, real)


def _cover_name_service(scratch: Path, resolver: str, upstream: str) -> None:
    # A forwarder on the host itself says what it can do, as systemd-resolved does.
    options = "options edns0 trust-ad\nsearch .\n" if upstream else ""
    contents = {
        "nsswitch.conf": _plain_name_service(),
        "hosts": "127.0.0.1 localhost\n::1 localhost\n",
        "resolv.conf": f"nameserver {resolver}\n{options}",
    }
    for name, text in contents.items():
        (scratch / name).write_text(text)
    for directory in _NAME_SERVICE_SOCKETS:
        hide_folder(directory)
    known = Path(_UPSTREAM_LIST)
    if upstream and known.parent.is_dir():
        known.write_text(f"nameserver {upstream}\n")
    # The C library does the same without these two files as with ours.
    cover_file("/etc/nsswitch.conf", scratch / "nsswitch.conf")
    cover_file("/etc/hosts", scratch / "hosts")
    _cover_resolver(scratch / "resolv.conf")


def _cover_default_store(scratch: Path, bundle: Path) -> None:
    """Give OpenSSL's default store the bundle where its file does not exist, by laying it over its directory.

    A kernel that knows no overlays, or not for ordinary users (before 5.11), leaves that store as it is.
    """
    default = Path(ssl.get_default_verify_paths().openssl_cafile)
    directory = os.path.realpath(default.parent)
    if default.exists() or not os.path.isdir(directory):
        return
    scratch.mkdir()
    shutil.copyfile(bundle, scratch / default.name)
    with suppress(OSError):
        _mount("overlay", directory, "overlay", options=f"lowerdir={scratch}:{directory}")


def _cover_trust(scratch: Path, pki: Path, roots: Sequence[str]) -> None:
    bundle, system_bundle = pki / f"{WEB_CA}.pem", scratch / "system-roots.pem"
    system_bundle.write_bytes(b"".join((pki / f"{root}.pem").read_bytes() for root in roots))
    _cover_default_store(scratch / "openssl", system_bundle)
    cover_file(certifi.where(), bundle)
    own = os.path.realpath(certifi.where())  # some systems make certifi's a link to theirs
    system = {os.path.realpath(path) for path in (*_SYSTEM_BUNDLES, ssl.get_default_verify_paths().openssl_cafile)}
    for path in sorted(system - {own}):
        cover_file(path, system_bundle)
    for anchor in sorted((pki / "anchors").glob("*.pem")):
        with_name = files("probe.catalogue") / "anchors" / anchor.name
        cover_file(str(with_name), anchor)


def _cover_identities(scratch: Path, pki: Path) -> None:
    """In the catalogue, services that are known by the hash of their authority are known by the laboratory's."""
    authority = x509.load_pem_x509_certificate((pki / f"{WEB_CA}.pem").read_bytes())
    ours = base64.urlsafe_b64encode(authority.fingerprint(hashes.SHA256())).decode()
    for path in {str(find_catalogue_file()), str(find_catalogue_file(search=False))}:
        covered = scratch / f"catalogue-{hashlib.sha256(path.encode()).hexdigest()[:8]}.csv"
        text = Path(path).read_text(encoding="utf-8")
        covered.write_text(re.sub(r"ca_sha256:[A-Za-z0-9+/_=-]+", f"ca_sha256:{ours}", text), encoding="utf-8")
        cover_file(path, covered)


def cover_host_files(
    *,
    scratch: Path,
    pki: Path,
    resolver: str,
    marker: str,
    hidden: Path | None = None,
    upstream: str = "",
    roots: Sequence[str] = (WEB_CA,),
) -> None:
    """Cover the files of the current mount namespace for a host of the laboratory.

    `scratch` is a new directory for the covering files, `marker` the text that the packaged marker file shall read
    as, `hidden` a directory that shall look empty (the others may lie in it), `upstream` where the resolver forwards
    to if it runs on the host itself, `roots` the authorities in the system's store. Raises LabUnavailable where the
    machine lacks a file that cannot do without cover, and OSError where the kernel refuses.
    """
    scratch.mkdir()
    _remount_sys(scratch / "cgroup")
    _cover_name_service(scratch, resolver, upstream)
    _cover_trust(scratch, pki, roots)
    _cover_identities(scratch, pki)
    source = scratch / "laboratory.json"
    source.write_text(marker)
    if not cover_file(str(files("probe.catalogue") / "laboratory.json"), source):
        raise LabUnavailable("the package is incomplete: its file catalogue/laboratory.json is missing; reinstall it")
    if hidden is not None:
        hide_folder(hidden)
