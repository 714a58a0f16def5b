"""An operator's services, rehearsed in part; `make long` does the whole."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from project_root import ROOT


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.timeout(540)
@pytest.mark.skipif(not shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin"), reason="no nginx here")
def test_a_rehearsal_goes_as_it_must() -> None:
    done = subprocess.run([sys.executable, str(ROOT / "tools" / "rehearsal.py")], capture_output=True, text=True,
                          timeout=530, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
