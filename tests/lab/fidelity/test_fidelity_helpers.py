"""Helpers that lie and helpers that are overloaded: what the probe reads of their answers is what the file says."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from lab_fidelity import draw_scenario, seed_of
from lab_warm import forked
from probe_lab.lab_types import VantagePoint
from probe_lab.laboratory import Laboratory

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(200)]
ASK = Path(__file__).resolve().parents[1] / "helpers" / "lab_clients" / "ask_helper.py"
REFUSED, RESET = "connection_refused", "ConnectionResetError"
HELLO = Path(__file__).resolve().parents[1] / "helpers" / "lab_clients" / "say_hello.py"
PAGE, CLOSED = "https://example.com/", "tcpconnect://example.com:81"
INNOCENT = "example.org"


def say(lab: Laboratory, vantage: VantagePoint, name: str) -> str:
    return lab.run([sys.executable, str(HELLO), vantage.ipv4, name], timeout_s=60).stdout.decode().strip()


def ask(lab: Laboratory, vantage: VantagePoint, wanted: str) -> dict[str, Any]:
    done = lab.run([sys.executable, str(ASK), vantage.url, vantage.ipv4, wanted], timeout_s=60)
    assert done.returncode == 0, done.stderr.decode()
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize(("name", "port", "page"), [
    ("clean", REFUSED, ""), ("helper-lies-well", "", ""), ("helper-lies-down", REFUSED, REFUSED),
    ("helper-lies-keys", REFUSED, ""),
])
def test_what_a_helper_says_of_known_places(name: str, port: str, page: str) -> None:
    drawn = draw_scenario(name, seed_of(name))
    with forked(drawn) as lab:
        for vantage in drawn.world.vantages:
            assert set(ask(lab, vantage, CLOSED)["tcp"]) == {port}
            assert ask(lab, vantage, PAGE)["http"] == page


def test_a_liar_about_keys_says_that_he_was_shown_a_valid_certificate() -> None:
    drawn = draw_scenario("helper-lies-keys", seed_of("helper-lies-keys"))
    (match,) = (fault.match for fault in drawn.faults if fault.kind == "cert_self_signed")
    wanted = next(url for url in drawn.targets if set(match) & {url.split("://")[1].split("/")[0].split(":")[0]})
    with forked(drawn) as lab:
        for vantage in drawn.world.vantages:
            assert "" in ask(lab, vantage, wanted)["tls"]


def test_a_helper_that_is_overloaded_declines_and_the_other_does_not() -> None:
    drawn = draw_scenario("helper-loaded", seed_of("helper-loaded"))
    with forked(drawn) as lab:
        loaded, other = drawn.world.vantages
        assert {"state": "refused", "reason": "busy"}.items() <= ask(lab, loaded, PAGE).items()
        assert ask(lab, other, PAGE)["http"] == ""


def test_one_of_two_helpers_ends_what_names_the_service() -> None:
    drawn = draw_scenario("helper-ends-names", seed_of("helper-ends-names"))
    name = next(url.split("://")[1].split("/")[0] for url in drawn.targets)
    with forked(drawn) as lab:
        found = [say(lab, vantage, hello) for vantage in drawn.world.vantages for hello in (name, "innocent.example")]
    assert found == [RESET, "", "", ""]


@pytest.mark.parametrize(("scenario", "found"), [
    ("helper-bans-names", ["", RESET, RESET]),  # whoever came with a first strange name
    ("helper-shows-box", ["", RESET, ""]),
    ("helper-cut-off", ["", RESET, RESET]),
])
def test_what_every_helper_is_told_between_two_innocent_names(scenario: str, found: list[str]) -> None:
    drawn = draw_scenario(scenario, seed_of(scenario))
    name = urlsplit(drawn.aliases["t"][0]).hostname or ""
    with forked(drawn) as lab:
        for vantage in drawn.world.vantages:
            assert [say(lab, vantage, hello) for hello in (INNOCENT, name, INNOCENT)] == found
