"""A marked block in a person's crontab; every line outside it is left as it is."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Sequence

from probe.upkeep.schedules.rhythm import STOP_GRACE_S, Rhythm

BEGIN = "# >>> reachability probe: written by `probe install cron`, removed by `probe uninstall` >>>"
END = "# <<< reachability probe <<<"
_KILL_AFTER_S = 10
"""So long after it was asked to end it is killed."""
_BEGINS, _ENDS = "# >>> reachability probe", "# <<< reachability probe"


class DamagedBlockError(ValueError):
    """The crontab has one end of a block only; whose the lines there are cannot be told."""


def limit_time(command: Sequence[str], *, deadline_s: float, wait_s: int) -> tuple[str, ...]:
    """The command, ended where it goes on so long after its wait and its deadline as systemd lets it: by `timeout`, or
    where there is none, as on macOS, by an alarm of the kernel that outlasts the start of another program."""
    most_s = str(round(deadline_s) + wait_s + STOP_GRACE_S)
    if found := shutil.which("timeout"):
        return (found, "-k", str(_KILL_AFTER_S), most_s, *command)
    if found := shutil.which("perl"):
        return (found, "-e", "alarm shift; exec @ARGV", most_s, *command)
    return tuple(command)


def make_block(rhythm: Rhythm, command: Sequence[str], *, errors: str) -> str:
    """The block: one line, which keeps what the last run had to say in the file `errors`."""
    line = f"{make_time_fields(rhythm)} {quote_command(command)} >/dev/null 2>{_cron_safe(shlex.quote(errors))}"
    return f"{BEGIN}\n{line}\n{END}\n"


def make_time_fields(rhythm: Rhythm) -> str:
    """The five fields; in the machine's own time, which is all that every cron knows."""
    if rhythm.every_min < 60:
        minutes = ",".join(str(m) for m in range(rhythm.minute, 60, rhythm.every_min))
        return f"{minutes} * * * *"
    hours = rhythm.every_min // 60
    return f"{rhythm.minute} {'*' if hours == 1 else '0' if hours == 24 else f'*/{hours}'} * * *"


def quote_command(command: Sequence[str]) -> str:
    """The command for cron: quoted for the shell, and `%`, which cron takes for a line's end, escaped."""
    return _cron_safe(shlex.join(command))


def _cron_safe(text: str) -> str:
    if "\n" in text:
        raise ValueError("a path with a line break in it cannot stand in a crontab")
    # Within quotes the shell keeps the backslash, cron takes it away first: both are right with `\%`.
    return text.replace("%", r"\%")


def has_block(crontab: str) -> bool:
    """Whether a block of ours is there, whole or damaged."""
    return any(line.startswith(_BEGINS) or line.startswith(_ENDS) for line in crontab.split("\n"))


def add_block(crontab: str, new: str) -> str:
    """The crontab with this block: in the old one's place, else at the end. Raises DamagedBlock."""
    before, after, found = _around(crontab)
    if not found and before and not before.endswith("\n"):
        before += "\n"
    return before + new + after


def remove_block(crontab: str) -> str:
    """The crontab without any block of ours. Raises DamagedBlock."""
    before, after, _ = _around(crontab)
    return before + after


def _around(crontab: str) -> tuple[str, str, bool]:
    """(lines before the first block, all other lines after it, whether there is one)."""
    before: list[str] = []
    after: list[str] = []
    inside = found = False
    for number, line in enumerate(_lines(crontab), start=1):
        if line.startswith(_BEGINS if not inside else _ENDS):
            inside, found = not inside, True
        elif line.startswith((_BEGINS, _ENDS)):
            raise DamagedBlockError(f"line {number}: one end of the block is missing")
        elif not inside:
            (after if found else before).append(line)
    if inside:
        raise DamagedBlockError("the block's last line is missing")
    return "".join(before), "".join(after), found


def _lines(text: str) -> list[str]:
    """Lines by line feed alone: other marks that Python takes for line ends may stand in a person's comment."""
    parts = text.split("\n")
    return [part + "\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
