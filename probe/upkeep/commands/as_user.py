"""Does something as another user, from root: root never writes into a folder that somebody else may fill with links."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from probe.store.files.atomic import StoreError

if TYPE_CHECKING:
    import pwd

MAX_MESSAGE_BYTES = 4000


def run_as_user(name: str, work: Callable[[], None]) -> None:
    """Call `work` in a child process that is this user, home folder and all. Raises StoreError with what went wrong."""
    import pwd  # not on Windows, where no command gets here

    entry = pwd.getpwnam(name)
    if os.geteuid() == entry.pw_uid:
        work()
        return
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(out)
            _become(entry)
            work()
            status = 0
        except Exception as error:  # every error must reach the parent: this process ends here
            os.write(into, str(error).encode(errors="replace")[:MAX_MESSAGE_BYTES])
        finally:
            os._exit(status)
    os.close(into)
    with os.fdopen(out, "rb") as pipe:
        why = pipe.read(MAX_MESSAGE_BYTES).decode(errors="replace")
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        raise StoreError(f"as {name}: {why or 'broken off'}")


def _become(entry: pwd.struct_passwd) -> None:
    os.initgroups(entry.pw_name, entry.pw_gid)
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
    for name in [name for name in os.environ if name.startswith("XDG_")]:
        del os.environ[name]
    os.environ["HOME"] = entry.pw_dir
