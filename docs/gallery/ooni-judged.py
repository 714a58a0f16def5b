"""Signal's endpoints in a file of OONI measurements, as our rules judge them."""

import subprocess
import sys
import tempfile
from pathlib import Path

import probe
from probe_analysis.examples.example_files import copy_ooni_example

with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    subprocess.run([sys.executable, "-m", "probe", "import", "ooni", str(copy_ooni_example(folder)), "-o",
                    str(folder / "judged")], check=True, capture_output=True)
    probe.open_results(folder / "judged").charts.draw_targets("signal").save(sys.argv[1])
