"""The program under test, forked from an interpreter that has imported it: to load it is a third of what it costs.

It runs as `probe.lab.host.enter` would run it, with the environment, the directory and the arguments of a command; only
that Python itself and the modules need not be loaded. Python draws new random numbers after a fork, but the order
within sets of strings is the same in all.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Sequence

from probe.lab.host.enter import enter
from probe.lab.host.fork_server import serve
from probe.lab.host.preload import COMMON, look_up_record_types
from probe.lab.host.program_call import Call, decode

_NEEDED = (
    *COMMON, "probe.archive.held", "probe.archive.private", "probe.archive.retention", "probe.archive.settle",
    "probe.cli.bounds", "probe.cli.previous", "probe.cli.run", "probe.cli.summary", "probe.cli.timed",
    "probe.compare.encrypted", "probe.control.client", "probe.measure.app.web", "probe.measure.dns_wire",
    "probe.measure.exchange", "probe.measure.locate", "probe.measure.quic_version", "probe.measure.transfer",
    "probe.measure.udp_trace", "probe.session.judging", "probe.session.loop", "probe.session.run",
    "probe.session.witness", "probe.session.work", "probe.store.read", "probe.store.write", "probe.upload.keep",
    "cryptography.hazmat.primitives.ciphers.aead", "cryptography.x509", "encodings.idna", "encodings.utf_8_sig",
    "requests",
)

_SPACES = 4


def _run(call: Call) -> int:
    """The program's main function, as if Python had just begun; its exit status."""
    from probe.cli.main import main

    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    os.environ.clear()
    os.environ.update(call.environment)
    sys.argv = ["probe", *call.arguments]
    try:
        main()
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _become_program(fds: Sequence[int]) -> int:
    """Enter the laboratory, run the program, and write its wait status (decimal) where it is asked for."""
    request, status, output, errors, *spaces = fds
    if len(spaces) < _SPACES:  # as root there is no user namespace to join
        spaces.insert(0, -1)
    os.dup2(output, 1)
    os.dup2(errors, 2)
    for fd in (output, errors):
        os.close(fd)
    with open(request, "rb") as file:
        call = decode(file.read())
    os.chdir(call.directory)
    ended = enter(spaces, lambda: _run(call), level=call.level, uid=call.uid, gid=call.gid)
    os.write(status, str(ended).encode())
    return 0


def _prepare() -> None:
    """Read the catalogue that came with the program: a fifth of what else a run would compute."""
    from probe.catalogue.load import load

    load(search=False)
    look_up_record_types()


if __name__ == "__main__":
    sys.exit(serve(sys.argv[1:], modules=_NEEDED, prepare=_prepare, become=_become_program))
