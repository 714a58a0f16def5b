"""The owner's side of the program under test that is forked: what it is asked, and how it ended."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import IO

from probe_lab.host.enter import CANNOT_EXECUTE
from probe_lab.host.warm import WarmInterpreter


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is to be run, and as whom."""

    arguments: tuple[str, ...]
    """Of the program's command line."""
    environment: Mapping[str, str]
    directory: str
    level: str
    uid: int
    gid: int


def decode(text: bytes) -> Call:
    """The call that `call_program` passed on."""
    asked = json.loads(text)
    return Call(**{**asked, "arguments": tuple(asked["arguments"])})


def call_program(
    warm: WarmInterpreter, call: Call, spaces: Sequence[int], *, timeout_s: float
) -> subprocess.CompletedProcess[bytes]:
    """Run the program in these namespaces (user, which may be -1, network, mount, process) and wait for its end.

    Raises subprocess.TimeoutExpired, and LabFailed when there is nothing to fork it from.
    """
    words = ["probe", *call.arguments]
    with ExitStack() as stack:
        request, status, out, err = (stack.enter_context(tempfile.TemporaryFile()) for _ in range(4))
        request.write(json.dumps(asdict(call)).encode())
        request.seek(0)
        process = warm.start_program((*(file.fileno() for file in (request, status, out, err)),
                                      *(fd for fd in spaces if fd >= 0)))
        stack.callback(os.close, process)
        if not select.select([process], [], [], timeout_s)[0]:
            signal.pidfd_send_signal(process, signal.SIGKILL)  # and the kernel then the program
            raise subprocess.TimeoutExpired(words, timeout_s)
        ended, printed, complained = (_whole(file) for file in (status, out, err))
    code = os.waitstatus_to_exitcode(int(ended)) if ended else CANNOT_EXECUTE
    return subprocess.CompletedProcess(words, code, printed, complained)


def _whole(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()
