"""Make the small results that come with the package for its notebooks: `python tools/example_data.py [--keep FOLDER]`.

Every connection is real and runs in the laboratory; dates, networks and countries are those that are written here.
Runs that FOLDER holds already are not made again. Needs the extra `lab`; ten minutes.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "lab")]

