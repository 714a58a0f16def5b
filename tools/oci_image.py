"""Writes a container image, as an OCI layout, of a root file system: `sudo python tools/oci_image.py ROOT OUT VERSION`.

The root is made by debootstrap, and our Debian packages are installed in it, as CONTRIBUTING.md tells: no registry is
asked. The image's user is the package's own, which owns nothing but its volume. The same root gives the same bytes.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import platform
import sys
import tarfile
from pathlib import Path
from typing import Any, Final

HOME: Final = "/var/lib/reachability-probe"
USER: Final = "_reachability-probe"
ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64"}
_PREFIX: Final = "application/vnd.oci.image."
_EMPTIED: Final = ("proc", "sys", "dev", "run", "tmp", "debs", "var/cache/apt", "var/lib/apt/lists", "var/log")
"""Folders of which the image has only the folder: the machine's own, and what apt can have again."""


class _Hashed(io.RawIOBase):
    """Passes on what is written, and keeps its digest."""

    def __init__(self, below: io.BufferedIOBase) -> None:
        self.below, self.digest = below, hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.digest.update(data)
        self.below.write(data)
        return len(data)


def write_layer(root: Path, file: Path) -> str:
    """Pack the root, without times; the digest of what was packed, before compression."""
    with file.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed:
        hashed = _Hashed(packed)
        with tarfile.open(fileobj=hashed, mode="w|", format=tarfile.PAX_FORMAT) as archive:
            for path in sorted(root.rglob("*")):
                name = path.relative_to(root).as_posix()
                if any(name.startswith(f"{folder}/") for folder in _EMPTIED):
                    continue
                entry = archive.gettarinfo(path, name)
                if entry is None:  # a socket
                    continue
                entry.mtime = 0
                if entry.isreg():
                    with path.open("rb") as content:
                        archive.addfile(entry, content)
                else:
                    archive.addfile(entry)
        return hashed.digest.hexdigest()


def make_config(version: str, architecture: str, diff_id: str) -> dict[str, Any]:
    """The image's configuration. Pure. `Healthcheck` is Docker's and podman's addition to OCI's."""
    return {
        "architecture": architecture, "os": "linux",
        "config": {
            "User": USER, "WorkingDir": HOME, "Entrypoint": ["/usr/bin/probe"], "Cmd": ["--help"],
            "Env": ["PATH=/usr/bin:/bin", f"HOME={HOME}", "LC_ALL=C.UTF-8", "PYTHONUNBUFFERED=1"],
            "Volumes": {HOME: {}},
            "Labels": {"org.opencontainers.image.title": "Reachability probe",
                       "org.opencontainers.image.version": version,
                       "org.opencontainers.image.licenses": "BSD-3-Clause"},
            "Healthcheck": {"Test": ["CMD", "probe", "status"], "Interval": 3_600_000_000_000,
                            "Timeout": 60_000_000_000, "Retries": 3},
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{diff_id}"]},
        "history": [{"created_by": "tools/oci_image.py"}],
    }


def write_image(root: Path, out: Path, version: str, architecture: str) -> str:
    """The layout, in a folder that is not there yet; returns the manifest's digest. Raises OSError."""
    blobs = out / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    layer = out / "layer"
    diff_id = write_layer(root, layer)
    with layer.open("rb") as packed:
        digest = hashlib.file_digest(packed, "sha256").hexdigest()
    size = layer.stat().st_size
    layer.rename(blobs / digest)

    def keep(kind: str, document: dict[str, Any]) -> dict[str, Any]:
        data = json.dumps(document, sort_keys=True).encode()
        name = hashlib.sha256(data).hexdigest()
        (blobs / name).write_bytes(data)
        return {"mediaType": f"{_PREFIX}{kind}+json", "digest": f"sha256:{name}", "size": len(data)}

    config = keep("config.v1", make_config(version, architecture, diff_id))
    manifest = keep("manifest.v1", {
        "schemaVersion": 2, "mediaType": f"{_PREFIX}manifest.v1+json", "config": config,
        "layers": [{"mediaType": f"{_PREFIX}layer.v1.tar+gzip", "digest": f"sha256:{digest}", "size": size}]})
    named = {**manifest, "annotations": {"org.opencontainers.image.ref.name": version},
             "platform": {"os": "linux", "architecture": architecture}}
    (out / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}', encoding="utf-8")
    (out / "index.json").write_text(json.dumps({
        "schemaVersion": 2, "mediaType": f"{_PREFIX}index.v1+json", "manifests": [named]}), encoding="utf-8")
    return str(manifest["digest"])


if __name__ == "__main__":
    print(write_image(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], ARCHITECTURES[platform.machine()]))
