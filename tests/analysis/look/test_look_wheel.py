"""A bundle in the hands of somebody who has the wheel, and neither the tree nor our data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from built import unpack_wheel
from ooni_data import lines, measurement
from ooni_fleet import whatsapp_of
from probe.cli.main import cli

pytestmark = [pytest.mark.slow, pytest.mark.long]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("bundle")
    raw, made = home / "raw.jsonl", home / "bundle.zip"
    raw.write_bytes(lines({**measurement(), **whatsapp_of("tls"), "probe_cc": "RU"}))
    done = CliRunner().invoke(cli, ["look", "whatsapp", "RU", "--ooni", str(raw), "--bundle", str(made)])
    assert done.exit_code == 0, done.output
    return made


def verify(bundle: Path, wheel: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """By the wheel alone, in an empty folder that is its home."""
    program = ("import sys, probe\n"
               "assert probe.__file__.startswith(sys.argv[1]), probe.__file__\n"
               "from probe.cli.main import cli\n"
               "cli(['look', '--verify', sys.argv[2], '--json'])")
    folder.mkdir()
    return subprocess.run([sys.executable, "-c", program, str(wheel), str(bundle)], cwd=folder, capture_output=True,
                          text=True, timeout=280, env={**os.environ, "PYTHONPATH": str(wheel), "HOME": str(folder)})


def test_the_wheel_confirms_a_bundle_and_refuses_one_of_which_a_byte_was_changed(
        bundle: Path, wheel: Path, tmp_path: Path) -> None:
    done = verify(bundle, wheel, tmp_path / "one")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["same"]
    raw = bytearray(bundle.read_bytes())
    raw[len(raw) // 2] ^= 1
    (tmp_path / "changed.zip").write_bytes(raw)
    assert verify(tmp_path / "changed.zip", wheel, tmp_path / "two").returncode == 1
