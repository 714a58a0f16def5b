"""Battery and metered line: what the system says of them, and what a scheduled run makes of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.config.settings import RunSettings
from probe.instruments.device.conditions import DeviceConditions, read_conditions, read_metered, read_power
from probe.session.planning.rotation import RotationTurn
from probe.session.run_conditions import RunConditions, choose_run_conditions, make_frugal
from probe.session.run_plan import RunPlan

AC_OFF, AC_ON = {"type": "Mains", "online": "0"}, {"type": "Mains", "online": "1"}


def battery(charge: str = "73", status: str = "Discharging", **more: str) -> dict[str, str]:
    return {"type": "Battery", "capacity": charge, "status": status, **more}


def supplies(folder: Path, found: dict[str, dict[str, str]]) -> Path:
    root = folder / "power_supply"
    root.mkdir()
    for name, files in found.items():
        (root / name).mkdir()
        for file, text in files.items():
            (root / name / file).write_text(f"{text}\n")
    return root


@pytest.mark.parametrize(("found", "power"), [
    ({}, ("mains", -1)),
    ({"AC": AC_ON, "BAT0": battery(status="Charging")}, ("mains", 73)),
    ({"AC": AC_OFF, "BAT0": battery()}, ("battery", 73)),
    ({"BAT0": battery("9")}, ("battery", 9)),
    ({"BAT0": battery("100", "Full")}, ("mains", 100)),
    ({"AC": AC_OFF, "BAT0": battery("5"), "BAT1": battery("80", "Unknown")}, ("battery", 80)),
    ({"AC": AC_OFF, "ucsi": {"type": "USB", "online": "1"}, "BAT0": battery()}, ("mains", 73)),
    pytest.param({"AC": AC_ON, "mouse": battery("4", scope="Device")}, ("mains", -1), id="a mouse's"),
    pytest.param({"AC": AC_OFF, "BAT0": {"type": "Battery", "present": "0"}}, ("mains", -1), id="taken out"),
    pytest.param({"BAT0": {"type": "Battery"}}, ("unknown", -1), id="tells nothing"),
    ({"AC": AC_OFF, "BAT0": battery("many")}, ("battery", -1)), ({"BAT0": battery("1000")}, ("battery", 100)),
])
def test_power(tmp_path: Path, found: dict[str, dict[str, str]], power: tuple[str, int]) -> None:
    assert read_power(supplies(tmp_path, found)) == power


def test_a_system_without_power_supplies_is_unknown(tmp_path: Path) -> None:
    assert read_power(tmp_path / "absent") == ("unknown", -1)


def says(busctl: str = "", nmcli: str = "") -> str:
    """The word for what the two programs say."""
    return read_metered(lambda command: {"busctl": busctl, "nmcli": nmcli}[command[0]])


NMCLI = """GENERAL.TYPE:wifi
GENERAL.STATE:100 (connected)
GENERAL.METERED:{}

GENERAL.TYPE:ethernet
GENERAL.STATE:30 (disconnected)
GENERAL.METERED:yes

GENERAL.TYPE:loopback
GENERAL.STATE:100 (connected (externally))
GENERAL.METERED:unknown
"""


@pytest.mark.parametrize(("number", "word"), [
    ("0", "unknown"), ("1", "yes"), ("2", "no"), ("3", "likely"), ("4", "unlikely"), ("77", "unknown"),
])
def test_networkmanagers_property(number: str, word: str) -> None:
    assert says(f"u {number}\n") == word


@pytest.mark.parametrize(("told", "word"), [
    ("yes", "yes"), ("no", "no"), ("yes (guessed)", "likely"), ("no (guessed)", "unlikely"), ("unknown", "unknown"),
])
def test_nmcli_where_busctl_is_absent(told: str, word: str) -> None:
    assert says(nmcli=NMCLI.format(told)) == word


@given(st.text(max_size=200), st.text(max_size=200))
def test_no_answer_is_too_odd(busctl: str, nmcli: str) -> None:
    assert says(busctl, nmcli) in ("yes", "no", "likely", "unlikely", "unknown")


def test_without_these_programs_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.instruments.device.conditions._BUSCTL", (str(tmp_path / "busctl"),))
    monkeypatch.setattr("probe.instruments.device.conditions._NMCLI", (str(tmp_path / "nmcli"),))
    assert read_conditions(supplies=tmp_path / "absent") == DeviceConditions()


@pytest.mark.skipif(not shutil.which("false"), reason="there is no program that fails")
def test_a_program_that_fails_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.instruments.device.conditions._BUSCTL", ("sh", "-c", "echo u 1; exit 1"))
    monkeypatch.setattr("probe.instruments.device.conditions._NMCLI", ("false",))
    assert read_conditions(supplies=tmp_path / "absent").metered == "unknown"


# ---- what is made of it

BATTERY, LOW = DeviceConditions(power="battery", charge=60), DeviceConditions(power="battery", charge=19)
PAID = DeviceConditions(power="mains", metered="yes")


@pytest.mark.parametrize(("found", "settings", "manners"), [
    (DeviceConditions(), {}, RunConditions()),
    (DeviceConditions(), {"on_battery": "skip", "on_metered": "skip"}, RunConditions()),
    (BATTERY, {}, RunConditions()), (BATTERY, {"on_battery": "skip"}, RunConditions(skip="battery")),
    (LOW, {}, RunConditions(skip="battery")), (DeviceConditions(power="battery"), {}, RunConditions()),
    (DeviceConditions(power="mains", charge=3), {"on_battery": "skip"}, RunConditions()),
    (PAID, {}, RunConditions(frugal=True)), (PAID, {"on_metered": "run"}, RunConditions()),
    (PAID, {"on_metered": "skip"}, RunConditions(skip="metered")),
    (DeviceConditions(metered="likely"), {}, RunConditions(frugal=True)),
    (DeviceConditions(metered="unlikely"), {}, RunConditions()),
])
def test_manners(found: DeviceConditions, settings: dict[str, str], manners: RunConditions) -> None:
    assert choose_run_conditions(found, RunSettings(**settings)) == manners  # type: ignore[arg-type]


def test_a_frugal_run_takes_the_core_and_transfers_nothing() -> None:
    turn = RotationTurn(number=5, every_min=60, salt="")
    plain, by_turns = make_frugal(RunPlan(deadline_s=9, tier=2)), make_frugal(RunPlan(deadline_s=9, turn=turn))
    assert (plain.tier, plain.transfers, plain.share) == (1, False, ("tier:1",))
    assert by_turns.share == ("tier:1", "small:6/23")
    assert not by_turns.transfers


def test_words_for_the_row_tell_the_charge_in_tens_only() -> None:
    assert BATTERY.words == ("power:battery", "charge:60", "metered:unknown")
    assert LOW.words == ("power:battery", "charge:10", "metered:unknown")
    assert PAID.words == ("power:mains", "metered:yes")
