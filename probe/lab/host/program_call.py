"""The owner's side of the program under test that is forked: what it is asked, and how it ended."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass

from probe.lab.host.enter import CANNOT_EXECUTE
from probe.lab.host.warm import Warm

_STATUS_BYTES = 16


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
    warm: Warm, call: Call, spaces: Sequence[int], *, timeout_s: float
) -> subprocess.CompletedProcess[bytes]:
    """Run the program in these namespaces (user, which may be -1, network, mount, process) and wait for its end.

    Raises subprocess.TimeoutExpired, and LabFailed when there is nothing to fork it from.
    """
    words = ["probe", *call.arguments]
    with tempfile.TemporaryFile() as request, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        request.write(json.dumps(asdict(call)).encode())
        request.seek(0)
        status, says_status = os.pipe()
        try:
            fds = (request.fileno(), says_status, out.fileno(), err.fileno(), *(fd for fd in spaces if fd >= 0))
            process = warm.start_program(fds)
        finally:
            os.close(says_status)
        try:
            if not select.select([process], [], [], timeout_s)[0]:
                raise subprocess.TimeoutExpired(words, timeout_s)
            ended = os.read(status, _STATUS_BYTES)
        finally:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(process, signal.SIGKILL)  # and the kernel then the program
            os.close(process)
            os.close(status)
        out.seek(0)
        err.seek(0)
        code = os.waitstatus_to_exitcode(int(ended)) if ended else CANNOT_EXECUTE
        return subprocess.CompletedProcess(words, code, out.read(), err.read())
