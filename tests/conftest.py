"""What holds for every test: no socket leaves this machine, seeds are told, skipped laboratories are noticed."""

from __future__ import annotations

import gc
import ipaddress
import os
import random
import socket
import zlib
from collections.abc import Callable, Generator, Iterable
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from probe_lab.laboratory import explain_unavailable
from project_root import ROOT
from suite_seed import SUITE_SEED

settings.register_profile("probe", deadline=None)  # how long an example takes says nothing on a busy machine
settings.load_profile("probe")

os.environ["PROBE_LANG"] = "en"  # whatever the locale of whoever starts the tests


def _skip_sync(fd: object) -> None:
    """Files of tests need not outlive a power cut, and waiting for the disk is a third of what writing them takes.
    Programs that tests start do wait."""


os.fsync = _skip_sync

SEED_VARIABLE = "PROBE_TEST_SEED"
REAL_TIME = {"instruments", "session", "controls", "upkeep", "operate"}
"""Folders of tests with servers of their own on the loopback."""
_LOCAL_FAMILIES = {socket.AF_UNIX, getattr(socket, "AF_NETLINK", socket.AF_UNIX)}
_LOCAL_NAMES = {"localhost", "localhost.localdomain", "ip6-localhost", ""}


class OutsideNetwork(BaseException):
    """A test tried to reach beyond this machine. No Exception, so that no measuring code takes it for a failure."""


def _network_namespace() -> int:
    """Identity of the network namespace of this thread; 0 where the kernel does not tell."""
    try:
        return os.stat("/proc/thread-self/ns/net").st_ino
    except OSError:
        return 0


_HOME_NAMESPACE = _network_namespace()


def _is_local(host: object) -> bool:
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    if name.lower() in _LOCAL_NAMES:
        return True
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _refuse_outside(family: int, address: object) -> None:
    """Raise unless the address is on this machine, or the thread stands in a namespace that a test made."""
    if family in _LOCAL_FAMILIES or _network_namespace() != _HOME_NAMESPACE:
        return
    host = address[0] if isinstance(address, tuple) and address else address
    if not _is_local(host):
        raise OutsideNetwork(f"a test may not reach {host!r}: use loopback or a namespace of its own")


def _guarded(original: Callable[..., Any], address_index: int) -> Callable[..., Any]:
    def method(self: socket.socket, *args: Any) -> Any:
        address = args[address_index] if -len(args) <= address_index < len(args) else None
        if address is not None:
            _refuse_outside(self.family, address)
        return original(self, *args)

    return method


def _guarded_lookup(original: Callable[..., Any]) -> Callable[..., Any]:
    def lookup(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host is not None and _network_namespace() == _HOME_NAMESPACE and not _is_literal(host):
            raise OutsideNetwork(f"a test may not look up {host!r}: answer the question yourself")
        return original(host, *args, **kwargs)

    return lookup


def _is_literal(host: Any) -> bool:
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return name.lower() in _LOCAL_NAMES
    return True


@pytest.fixture(autouse=True)
def _stay_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the outside unreachable for the process of the tests; their children have namespaces of their own."""
    for name, index in (("connect", 0), ("connect_ex", 0), ("sendto", -1), ("sendmsg", 3)):
        monkeypatch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name), index))
    for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
        monkeypatch.setattr(socket, name, _guarded_lookup(getattr(socket, name)))


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """A seed of this test's own, from the run's; printed, so that a failure shows it."""
    own = zlib.crc32(request.node.nodeid.encode()) ^ int(os.environ[SEED_VARIABLE])
    print(f"seed {own} (to repeat: {SEED_VARIABLE}={os.environ[SEED_VARIABLE]})")
    return own


@pytest.fixture
def rng(seed: int) -> random.Random:
    """A generator from `seed`."""
    return random.Random(seed)


@pytest.fixture
def root() -> Path:
    """The folder of the source tree."""
    return ROOT


def pytest_configure(config: pytest.Config) -> None:
    os.environ.setdefault(SEED_VARIABLE, str(SUITE_SEED))
    if not hasattr(config, "workerinput"):  # counted once, where the reports of all workers arrive
        config.pluginmanager.register(LaboratoryCount(), "laboratory-count")


WAITING = (
    "test_lab_degrade.py", "test_lab_slots.py", "test_lab_verdicts.py", "test_lab_hostile.py", "test_lab_feed.py",
    "test_lab_feed_rounds.py",
    "test_fidelity_messaging.py", "test_fidelity_stores.py", "test_fidelity_innocents.py", "test_fidelity_flow.py",
    "test_fidelity_innocents_line.py", "test_lab_packets.py", "test_fidelity_countries.py", "test_lab_score.py",
    "test_fidelity_dns.py", "test_lab_twins.py", "test_lab_mutants.py", "test_fidelity_shapes.py", "test_lab_quic.py",
    "test_fidelity_times.py", "test_lab_moves.py", "test_lab_real_servers.py", "test_fidelity_services.py",
    "test_fidelity_names.py", "test_fidelity_tls.py", "test_fidelity_udp.py", "test_fidelity_app.py",
    "test_fidelity_ip.py", "test_lab_client_faults.py", "test_lab_exec.py", "test_lab_leftovers.py",
    "test_fidelity_innocents_client.py", "test_fidelity_http.py", "test_lab_censor.py", "test_lab_udp.py",
    "test_fidelity_quic.py", "test_fidelity_near.py", "test_lab_lifecycle.py", "test_lab_faults.py",
    "test_lab_secrecy.py", "test_privacy_gate.py",
)
"""Files that mostly wait for laboratories, the longest first."""
COMPUTING = (
    "test_soak.py", "test_engines.py", "test_cells.py", "test_report_fleet.py", "test_other_systems.py",
    "test_archive_stopped.py", "test_report_page.py", "test_bench.py", "test_archive_bounds.py", "test_report_png.py",
)
"""Those of the others that take longest."""
BESIDE = 6
"""Of the others, for each that waits: there is always something to compute while laboratories wait."""


def in_turns(names: Iterable[str]) -> list[str]:
    """Names of files in the order in which workers shall take them."""
    ranks = {name: place for place, name in enumerate((*WAITING, *COMPUTING))}
    ordered = sorted(names, key=lambda name: ranks.get(name, len(ranks)))
    waiting = [name for name in ordered if name in WAITING]
    others = [name for name in ordered if name not in WAITING]
    rounds = ([name, *others[n * BESIDE:(n + 1) * BESIDE]] for n, name in enumerate(waiting))
    return [*chain.from_iterable(rounds), *others[len(waiting) * BESIDE:]]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a laboratory where none can be built, with the reason; before any fixture builds one."""
    if item.get_closest_marker("lab") and (reason := explain_unavailable()):
        pytest.skip(reason)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start files that wait and files that compute in turns; each stays on one worker (`--dist loadfile`).

    Laboratories and servers on the loopback run in real time: where the machine stands still for a moment, a censor
    loses a race that it wins otherwise. Such a test is run again, with the same seed; the summary tells it. What is
    wrong stays wrong.
    """
    place = {name: n for n, name in enumerate(in_turns(dict.fromkeys(item.path.name for item in items)))}
    items.sort(key=lambda item: place[item.path.name])
    for item in items:
        if item.get_closest_marker("lab"):
            item.add_marker(pytest.mark.flaky(reruns=2))
        elif REAL_TIME & {*item.path.parts}:
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is collected stays to the end, in each of the workers: it is not gone through again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_report_header(config: pytest.Config) -> str:
    return f"{SEED_VARIABLE}={os.environ[SEED_VARIABLE]}"


class LaboratoryCount:
    """In continuous integration a run in which every laboratory test was skipped has tested nothing that matters."""

    def __init__(self) -> None:
        self.ran: set[str] = set()
        self.skipped: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if "lab" in report.keywords and report.when != "teardown":
            was_skipped = report.skipped and not hasattr(report, "wasxfail")  # an expected failure has run
            (self.skipped if was_skipped else self.ran).add(report.nodeid)

    def in_vain(self) -> bool:
        """Whether there were laboratory tests and none of them ran."""
        return bool(self.skipped) and not self.ran - self.skipped

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if os.environ.get("CI") == "true" and self.in_vain() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.in_vain():
            terminalreporter.write_line(f"All {len(self.skipped)} laboratory tests were skipped.", red=True)


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
