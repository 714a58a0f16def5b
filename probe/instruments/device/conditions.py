"""What a run would cost this device: does it run on its battery, and is its line paid for by volume?

Asked of the kernel's files and of NetworkManager, where it is there; whatever does not answer is `unknown`. Nothing is
sent.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from probe.core.tables.run_words import Metered, Power

SUPPLIES = Path("/sys/class/power_supply")
_TIMEOUT_S = 2.0
_METERED: dict[str, Metered] = {"0": "unknown", "1": "yes", "2": "no", "3": "likely", "4": "unlikely"}
"""NMMetered of NetworkManager's D-Bus interface; the last two are its guesses, of a telephone's tether for one."""
_BUSCTL = ("busctl", "--system", "get-property", "org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager",
           "org.freedesktop.NetworkManager", "Metered")
_NMCLI = ("nmcli", "--terse", "--fields", "GENERAL.TYPE,GENERAL.STATE,GENERAL.METERED", "device", "show")
_NMCLI_WORDS: dict[str, Metered] = {"yes": "yes", "no": "no", "yes (guessed)": "likely", "no (guessed)": "unlikely"}
_COSTLY: tuple[Metered, ...] = ("yes", "likely", "unknown", "unlikely", "no")
"""Of several connected devices the first of these words counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceConditions:
    """Of this device and its line, now."""

    power: Power = "unknown"
    charge: int = -1
    """Of the fullest battery, in per cent; -1: there is none, or it does not tell."""
    metered: Metered = "unknown"

    @property
    def words(self) -> tuple[str, ...]:
        """For the runs table; the charge in tens, for more of it is nobody's concern."""
        charge = (f"charge:{self.charge // 10 * 10}",) if self.power == "battery" and self.charge >= 0 else ()
        return f"power:{self.power}", *charge, f"metered:{self.metered}"


Call = Callable[[Sequence[str]], str]
"""A program's output; empty where it is not there, fails or hangs."""


def read_conditions(*, supplies: Path = SUPPLIES, call: Call | None = None) -> DeviceConditions:
    """What can be found out."""
    power, charge = read_power(supplies)
    return DeviceConditions(power=power, charge=charge, metered=read_metered(call or _output))


def read_power(folder: Path) -> tuple[Power, int]:
    """(mains, battery or unknown, charge) from the kernel's power supplies (ABI sysfs-class-power).

    A device without a battery of its own runs on mains; a mouse's battery, whose scope is `Device`, is not its own.
    """
    try:
        supplies = sorted(folder.iterdir())
    except OSError:
        return "unknown", -1
    own = [supply for supply in supplies if _text(supply / "scope") != "Device"]
    batteries = [supply for supply in own if _text(supply / "type") == "Battery" and _text(supply / "present") != "0"]
    if not batteries:
        return "mains", -1
    charge = max(_charge(battery) for battery in batteries)
    feeds = [_text(supply / "online") for supply in own if _text(supply / "type") != "Battery"]
    states = {_text(battery / "status") for battery in batteries}
    if any(feed in ("1", "2") for feed in feeds) or "Charging" in states:
        return "mains", charge
    if "Discharging" in states or "0" in feeds:
        return "battery", charge
    return ("mains" if states & {"Full", "Not charging"} else "unknown"), charge


def read_metered(call: Call) -> Metered:
    """What NetworkManager says of the connection that is in use; unknown without it."""
    kind, _, value = call(_BUSCTL).strip().partition(" ")
    if kind == "u":
        return _METERED.get(value, "unknown")
    words: list[Metered] = []
    device: dict[str, str] = {}
    for line in (*call(_NMCLI).splitlines(), ""):
        key, colon, text = line.partition(":")
        device |= {key.strip(): text.strip()} if colon else {}
        if not line.strip():
            if device.get("GENERAL.STATE", "").startswith("100") and device.get("GENERAL.TYPE") != "loopback":
                words.append(_NMCLI_WORDS.get(device.get("GENERAL.METERED", ""), "unknown"))
            device = {}
    return min(words, key=_COSTLY.index, default="unknown")


def _output(command: Sequence[str]) -> str:
    import subprocess  # for schedules only: nobody who waits for a run waits for it

    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_TIMEOUT_S, check=False,
                              env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"})
        return done.stdout[:20_000].decode(errors="replace") if done.returncode == 0 else ""
    return ""


def _charge(battery: Path) -> int:
    with contextlib.suppress(ValueError):
        return min(100, max(0, int(_text(battery / "capacity"))))
    return -1


def _text(file: Path) -> str:
    """The file's line; empty where there is none. A supply that is just going away may fail to tell."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return file.read_text().strip()
    return ""
