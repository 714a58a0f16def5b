"""The end of a forked process: its work, then nothing else of the program that it was forked from."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn


def work_and_end(work: Callable[[], int | None]) -> NoReturn:
    """Do the work and end the process with its status (None: 0); what it raises is printed, and the status is 1."""
    status = 1
    try:
        status = work() or 0
    except SystemExit as error:
        print(error, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
