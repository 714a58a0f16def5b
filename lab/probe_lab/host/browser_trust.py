"""Lets Chromium and Chrome trust the laboratory: they read no bundle, but their administrator's policy.

The policy `CACertificates` (chromeenterprise.google/policies) lists further roots, DER in base64.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path

from probe_lab.host.namespaces import mount

_FOLDERS = ("/etc/chromium", "/etc/opt/chrome", "/etc/chromium-browser")
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)


def policy(bundle: str) -> str:
    """The policy file that makes browsers trust every certificate of a PEM bundle."""
    return json.dumps({"CACertificates": ["".join(body.split()) for body in _CERTIFICATE.findall(bundle)]})


def trust_in_browsers(scratch: Path, bundle: Path) -> None:
    """Lay the policy over the folders of the browsers that are installed, in the current mount namespace.

    Nothing changes for a browser without such a folder, nor where the kernel forbids overlays to ordinary users.
    """
    managed = scratch / "policies" / "managed"
    managed.mkdir(parents=True)
    (managed / "laboratory.json").write_text(policy(bundle.read_text()))
    for folder in filter(Path.is_dir, map(Path, _FOLDERS)):
        with suppress(OSError):
            mount("overlay", folder, "overlay", options=f"lowerdir={scratch}:{folder}")
