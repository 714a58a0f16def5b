"""The program under test, forked from an interpreter that has imported it: to load it is a third of what it costs.

It runs as `probe_lab.host.enter` would run it, with the environment, the directory and the arguments of a command; only
that Python itself and the modules need not be loaded. Python draws new random numbers after a fork, but the order
within sets of strings is the same in all.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points

from probe_lab.host.enter import enter
from probe_lab.host.fork_server import serve
from probe_lab.host.preload import look_up_record_types, modules_of
from probe_lab.host.program_call import Call, decode

_SPACES = 4


def _main() -> Callable[[], None]:
    """What the command `probe` calls."""
    found: Callable[[], None] = next(iter(entry_points(group="console_scripts", name="probe"))).load()
    return found


def _run(call: Call) -> int:
    """The program's main function, as if Python had just begun; its exit status."""
    main = _main()
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
    from probe.catalogue.load import load_catalogue

    load_catalogue(search=False)
    look_up_record_types()


if __name__ == "__main__":
    sys.exit(serve(sys.argv[1:], modules=modules_of("run"), prepare=_prepare, become=_become_program))
