"""Lists folders so that what cannot be looked into is an error, and never "nothing there".

`Path.glob` passes over folders that this user may not read, and newer Pythons' `Path.exists` says no to every error:
whoever merges or removes by such an answer loses rows.
"""

from __future__ import annotations

import errno
import os
import stat
from fnmatch import fnmatchcase
from pathlib import Path

from probe.core.safe_files import name_kind
from probe.store.files.atomic import StoreError, explain_os_error

_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
"""What says that nothing is there, and not that nobody can tell."""
_ADVICE = {code: "no permission: let this user read and enter the folder (chmod u+rx) or choose another results folder"
           for code in (errno.EACCES, errno.EPERM)}
_WILD = frozenset("*?[")
_MOST_TOLD = 100
_passed_over: set[Path] = set()


def list_paths(folder: Path, *patterns: str) -> list[Path]:
    """What is in a folder, sorted: below each that fits one pattern what fits the next. Empty where there is no folder.

    Raises StoreError for a folder that cannot be listed.
    """
    found = [folder]
    for pattern in patterns or ("*",):
        if _WILD.isdisjoint(pattern):
            found = [path / pattern for path in found if is_there(path / pattern)]
        else:
            found = [path / name for path in found for name in _list_names(path) if fnmatchcase(name, pattern)]
    return sorted(found)


def list_regular(folder: Path, pattern: str) -> list[Path]:
    """The plain files of a folder, sorted, none whose name begins with a dot; what else has such a name is named once,
    in the log. Raises StoreError."""
    return [path for path in list_paths(folder, pattern) if not path.name.startswith(".") and _is_regular(path)]


def is_there(path: Path) -> bool:
    """Whether a file, a folder or a link has this name, wherever a link leads. Raises StoreError where nobody can
    tell."""
    return _find_mode(path) is not None


def is_file(path: Path) -> bool:
    """A plain file itself, not a link to one. Raises StoreError where nobody can tell."""
    return stat.S_ISREG(_find_mode(path) or 0)


def is_folder(path: Path) -> bool:
    """A folder itself, not a link to one. Raises StoreError where nobody can tell."""
    return stat.S_ISDIR(_find_mode(path) or 0)


def _is_regular(path: Path) -> bool:
    if (mode := _find_mode(path)) is None or stat.S_ISREG(mode):
        return mode is not None
    if path not in _passed_over and len(_passed_over) < _MOST_TOLD:
        import logging  # takes a while to import; without a handler of anybody's it writes to stderr

        _passed_over.add(path)
        logging.getLogger("probe").warning("%r is %s, and passed over.", str(path), name_kind(mode))
    return False


def _list_names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError as error:
        if error.errno in _ABSENT:
            return []
        raise StoreError(f"{folder}: cannot be listed: {_advise(error)}") from error


def _find_mode(path: Path) -> int | None:
    try:
        return os.lstat(path).st_mode
    except OSError as error:
        if error.errno in _ABSENT:
            return None
        raise StoreError(f"{path}: cannot be looked at: {_advise(error)}") from error


def _advise(error: OSError) -> str:
    return _ADVICE.get(error.errno or 0) or explain_os_error(error)
