"""The container image's layout: every digest and size holds, and the same root gives the same bytes."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from oci_image import HOME, USER, make_config, write_image


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small root with what is to be left out."""
    root = tmp_path / "root"
    for name, text in {"usr/bin/probe": "#!/bin/sh\n", "proc/1": "x", "var/lib/apt/lists/a": "x", "etc/ä": "y"}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    (root / "usr/bin/probe").chmod(0o755)
    (root / "bin").symlink_to("usr/bin")
    return root


def read(out: Path, named: dict[str, Any]) -> bytes:
    """A blob, held against what names it."""
    data: bytes = (out / "blobs" / named["digest"].replace(":", "/")).read_bytes()
    assert (len(data), hashlib.sha256(data).hexdigest()) == (named["size"], named["digest"].removeprefix("sha256:"))
    return data


def test_every_digest_of_the_layout_holds(root: Path, tmp_path: Path) -> None:
    digest = write_image(root, tmp_path / "out", "1.2.3", "arm64")
    assert json.loads((tmp_path / "out" / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    (named,) = json.loads((tmp_path / "out" / "index.json").read_bytes())["manifests"]
    assert named["digest"] == digest
    manifest = json.loads(read(tmp_path / "out", named))
    config = json.loads(read(tmp_path / "out", manifest["config"]))
    (layer,) = manifest["layers"]
    unpacked = gzip.decompress(read(tmp_path / "out", layer))
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(unpacked).hexdigest()}"]
    assert config["architecture"] == "arm64"
    with tarfile.open(fileobj=io.BytesIO(unpacked)) as archive:
        found = {entry.name: entry for entry in archive}
    assert {"usr/bin/probe", "proc", "var/lib/apt/lists", "etc/ä", "bin"} <= set(found)
    assert not {"proc/1", "var/lib/apt/lists/a"} & set(found)
    assert found["usr/bin/probe"].mode == 0o755
    assert found["bin"].linkname == "usr/bin"


def test_the_same_root_gives_the_same_bytes(root: Path, tmp_path: Path) -> None:
    first = write_image(root, tmp_path / "one", "1.2.3", "amd64")
    os.utime(root / "usr/bin/probe", (1, 1))
    assert write_image(root, tmp_path / "two", "1.2.3", "amd64") == first


def test_the_image_is_nobodys_root_and_measures_nothing_by_itself() -> None:
    config = make_config("1.2.3", "amd64", "0" * 64)["config"]
    assert config["User"] == USER
    assert config["User"] not in ("", "0", "root")
    assert (config["Entrypoint"], config["Cmd"]) == (["/usr/bin/probe"], ["--help"])
    assert config["Volumes"] == {HOME: {}}
    assert config["Labels"]["org.opencontainers.image.licenses"] == "BSD-3-Clause"
