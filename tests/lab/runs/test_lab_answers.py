"""What a person is told of twelve situations: real runs in the laboratory, judged by the answer's typed parts.

Whatever the situation, no part is said to work, or to fail, of which nothing was tried.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from lab_warm import forked
from probe.catalogue.load import load_catalogue
from probe.catalogue.types import Catalogue
from probe_lab.draw import draw_scenario
from probe_lab.format.scenario import load_scenario
from probe_lab.laboratory import make_probe_command
from probe_lab.scoring.trial import configuration, program_environment

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(400)]

FAILS = {"blocked", "partly_blocked", "suspected", "undecided"}
SAYS_NOTHING = {"not_tested", "not_judged", "not_reached", "needs_account"}
NO_LINK = """
from pyroute2 import IPRoute
with IPRoute() as route:
    for link in route.get_links():
        if link.get_attr("IFLA_IFNAME") != "lo":
            route.link("set", index=link["index"], state="down")
"""

SLOWLY = """
import os, signal, sys, time
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
while os.waitpid(child, os.WNOHANG) == (0, 0):
    os.kill(child, signal.SIGSTOP)
    time.sleep(0.015)
    os.kill(child, signal.SIGCONT)
    time.sleep(0.005)
"""
"""Runs a program for a quarter of the time, as a quota of a processor does: about the pace of a small computer."""


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What is run, and what must be said of the services that it is about."""

    scenario: str
    services: tuple[str, ...] = ()
    """All of whose endpoints are measured; none: those of the censored, or with `whole` the usual catalogue."""
    whole: bool = False
    consent: int = 2
    level: str = "packet"
    helpers: bool = True
    deadline_s: int = 60
    before: str = ""
    """Python that changes the client's side first."""
    slowly: bool = False
    circumstances: frozenset[str] = frozenset()
    parts: tuple[tuple[str, str, frozenset[str]], ...] = ()
    """(service, part, states of which one must be said)."""
    censored: frozenset[str] = frozenset()
    """States of which one must be said of each part that holds a censored endpoint."""
    steps: frozenset[str] = frozenset()
    silent: bool = False
    """Nothing is said of any service."""


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SITUATIONS: dict[str, Situation] = {
    "clean": Situation(scenario="clean", services=("whatsapp",), consent=1, steps=words("level"), parts=(
        ("whatsapp", "chat", words("not_tested reached_only")), ("whatsapp", "web", words("works")),
        ("whatsapp", "calls", words("needs_account")))),
    "a name": Situation(scenario="sni-fin", censored=words("blocked partly_blocked suspected"), steps=words("show")),
    "chat alone": Situation(scenario="app-reset", censored=frozenset(FAILS), steps=words("show again compare")),
    "calls alone": Situation(scenario="whatsapp-calls-blocked", services=("whatsapp",), parts=(
        ("whatsapp", "calls", words("needs_account")), ("whatsapp", "chat", words("works")))),
    "offline": Situation(scenario="clean", services=("signal",), before=NO_LINK, circumstances=words("offline"),
                         silent=True),
    "portal": Situation(scenario="captive-portal", services=("signal",), circumstances=words("portal"), silent=True),
    "vpn": Situation(scenario="vpn", services=("signal",), circumstances=words("vpn"), silent=True),
    "nobody": Situation(scenario="shutdown", services=("signal",), circumstances=words("nobody"), silent=True),
    "no control": Situation(scenario="op-source-mute", helpers=False, level="socket", censored=frozenset(FAILS),
                            circumstances=words("no_control")),
    "cut off": Situation(scenario="clean", whole=True, deadline_s=6, circumstances=words("cut_off"),
                         steps=words("longer")),
    "small computer": Situation(scenario="clean", whole=True, slowly=True, consent=1),
    "retired": Situation(scenario="retired-services", services=("icq", "skype", "bbm")),
    "unplaced": Situation(scenario="op-tls-name-reset", level="socket", censored=words("suspected undecided mostly"),
                          steps=words("show compare")),
    "now and then": Situation(scenario="sni-often",
                              censored=frozenset(FAILS | {"at_times", "mostly", "works", "too_little"})),
}


@dataclass(frozen=True, kw_only=True)
class Told:
    """What one run said, and of whom it was censored."""

    answer: dict[str, Any]
    verdicts: Sequence[dict[str, Any]]
    censored: frozenset[tuple[str, str]]

    def state(self, service: str, part: str) -> str:
        (one,) = (s for s in self.answer["services"] if s["service"] == service)
        return next((str(p["state"]) for p in one["parts"] if p["part"] == part), "absent")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(search=False)


def measure(name: str, catalogue: Catalogue) -> Told:
    """One run in the situation's laboratory."""
    of = SITUATIONS[name]
    seed = random.Random(f"answers {name} {os.environ['PROBE_TEST_SEED']}").randrange(1, 1_000_000)
    print(f"seed {seed} (to repeat: PROBE_TEST_SEED={os.environ['PROBE_TEST_SEED']})")
    drawn = draw_scenario(load_scenario(of.scenario), seed=seed, endpoints=catalogue.endpoints)
    struck = frozenset(drawn.aliases.get("t", ()))
    inputs = struck | {e.input for e in catalogue.endpoints if e.service in of.services}
    with forked(drawn, level=of.level) as lab:
        config = lab.directory / "probe.toml"
        config.write_text(configuration(drawn.world, helpers=of.helpers, consent_level=of.consent))
        if of.before:
            done = lab.run([*make_probe_command()[:1], "-c", of.before], timeout_s=30)
            assert done.returncode == 0, done.stderr.decode()
        slowly = [*make_probe_command()[:1], "-c", SLOWLY] if of.slowly else []
        done = lab.run([*slowly, *make_probe_command(), "run", "--fast", "--no-parquet", "--json", "--config",
                        str(config), "--results", str(lab.directory / "results"), "--catalogue", catalogue.path,
                        "--seed", "1", "--deadline-s", str(of.deadline_s),
                        *(part for url in sorted(inputs if not of.whole else ()) for part in ("--input", url))],
                       timeout_s=200, env=program_environment())
    told = json.loads(done.stdout)
    where = frozenset((e.service, e.role) for e in catalogue.endpoints if e.input in struck)
    return Told(answer=told["answer"], verdicts=told["verdicts"], censored=where)


def list_parts(told: Told) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((one["service"], part) for one in told.answer["services"] for part in one["parts"])


@pytest.mark.parametrize("name", SITUATIONS)
def test_a_person_is_told_what_is_so(name: str, catalogue: Catalogue) -> None:
    of, told = SITUATIONS[name], measure(name, catalogue)
    assert of.circumstances <= set(told.answer["circumstances"])
    assert of.steps <= set(told.answer["steps"])
    assert told.answer["says_nothing"] or not of.silent
    for service, part, states in of.parts:
        assert told.state(service, part) in states, (service, part, told.state(service, part))
    for service, part in told.censored if of.censored else ():
        assert told.state(service, part) in of.censored, (service, part, told.state(service, part))
    tried = {(v["service"], v["role"]) for v in told.verdicts if v["outcome"] != "not_attempted"}
    for service, found in list_parts(told):
        assert found["state"] in SAYS_NOTHING or (service, found["part"]) in tried, (service, found)
    if name == "retired":
        assert all(one["retired"] for one in told.answer["services"])
    if name == "small computer":
        assert "works" in {part["state"] for _, part in list_parts(told)}
        assert told.answer["circumstances"] in ([], ["cut_off"])
    if name == "cut off":
        assert told.answer["missing"]["tests"] > 0
    if not of.censored:
        assert not {part["state"] for _, part in list_parts(told)} & FAILS
