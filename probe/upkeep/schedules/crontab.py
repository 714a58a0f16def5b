"""Reads and writes this user's crontab through cron's own program."""

from __future__ import annotations

import subprocess

TIMEOUT_S = 20
NONE_YET = "no crontab for"


class CronError(Exception):
    """The crontab cannot be read or written; the text says why and what to do."""


def read_crontab(program: str = "crontab") -> str:
    """The text of the crontab, empty when there is none. Bytes that are no UTF-8 survive reading and writing."""
    done = _call([program, "-l"])
    if done.returncode == 0:
        return _text(done.stdout)
    message = _text(done.stderr).strip()
    if NONE_YET in message:
        return ""
    raise CronError(f"`crontab -l` failed: {message or f'status {done.returncode}'}. May this user have a crontab?")


def write_crontab(text: str, program: str = "crontab") -> None:
    """Put the text in the crontab's place; cron checks it and keeps the old one when it is wrong."""
    command = [program, "-"] if text else [program, "-r"]
    done = _call(command, text.encode("utf-8", "surrogateescape"))
    if done.returncode:
        message = _text(done.stderr).strip()
        raise CronError(f"cron refused the new crontab, the old one is as it was: {message or done.returncode}")


def _call(command: list[str], given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(command, input=given, capture_output=True, timeout=TIMEOUT_S, check=False,
                              env=_environment())
    except FileNotFoundError:
        raise CronError("there is no `crontab` here: install cron (Debian: apt install cron), or use "
                        "`probe install systemd` or `probe watch`") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CronError(f"`{' '.join(command)}` could not be run: {error}") from None


def _environment() -> dict[str, str]:
    import os

    return {**os.environ, "LC_ALL": "C"}


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
