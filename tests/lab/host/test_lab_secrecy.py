"""The program under test can find out nothing about the scenario: no file, no process, no variable tells."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from project_root import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.lab]

AS_ORDINARY_USER = """
import os
from probe_lab.host import namespaces as ns
if "dropped" not in os.environ and os.geteuid() == 0:
    # Root without rights is an ordinary user, but that the kernel asks for CAP_SETFCAP to map root's own number.
    for capability in set(range(41)) - {31}:
        ns.drop_capability(capability)
    os.environ["dropped"] = "yes"
    os.execv(sys.executable, sys.orig_argv)
"""


@pytest.mark.parametrize("level", ["socket", "packet"])
@pytest.mark.parametrize("prelude", ["", AS_ORDINARY_USER], ids=["self", "user"])
def test_nothing_tells_the_client_what_it_is_in(
    prelude: str, level: str, tmp_path: Path, rng: random.Random
) -> None:
    secrets = [f"secret{rng.getrandbits(64):x}" for _ in range(4)]
    path = os.pathsep.join([str(ROOT), *filter(None, sys.path)])
    code = f"import runpy, sys\n{prelude}\nrunpy.run_module('lab_secrets', run_name='__main__', alter_sys=True)"
    done = subprocess.run(
        [sys.executable, "-c", code, level],
        env={**os.environ, "PYTHONPATH": path, "TMPDIR": str(tmp_path), "SUDO_COMMAND": secrets[0]},
        input=json.dumps(secrets),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["inside"]["found"] == []
    assert found["inside"]["looked"] > 50
    outside = "\n".join(found["outside"]["found"])
    for place in ("truth.jsonl", "cmdline", "variable SUDO_COMMAND"):
        assert place in outside, "the search itself finds what there is to find"


def test_the_command_line_tells_the_command_nothing() -> None:
    look = "cat /proc/*/cmdline /proc/*/environ | tr '\\0' '\\n' | grep -v '^PWD=\\|^OLDPWD=' | grep '[g]fw2'"
    done = subprocess.run(
        [sys.executable, "-m", "probe", "lab", "exec", "--no-helper", "sni-gfw2", "--", "sh"],  # reads `look` as input
        input=look.encode(), capture_output=True, timeout=100, check=False,
    )
    assert done.stdout == b""
    assert done.returncode == 1, done.stderr.decode()
