"""`probe lab exec`: any program on the client side, as if the world were the laboratory's."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.utils import RawPcapNgReader

from in_order import in_order
from probe.catalogue.load import load_catalogue
from probe_lab.cli.lab_exec import hosts_in, list_beyond_tier, read_tier
from project_root import ROOT

TESTS = Path(__file__).parent
ENDPOINTS = load_catalogue(search=False).endpoints
with_curl = [pytest.mark.lab, pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")]
PATIENCE_S = 120

CLIENTS = {
    "curl": ["curl", "-sf", "-o", "/dev/null", "https://www.facebook.com/robots.txt"],
    "openssl": ["sh", "-c", "openssl s_client -verify_return_error -connect www.facebook.com:443 </dev/null"],
    "python3": ["python3", "-I", "-c",
                "import urllib.request as u; u.urlopen('https://www.facebook.com/robots.txt').read()"],
    "chromium": [
        "sh", "-c", "HOME=$(mktemp -d) chromium --headless --no-sandbox --disable-gpu --dump-dom "
        "https://www.facebook.com/robots.txt | grep User-agent",
    ],
}


def exec_line(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "probe", "lab", "exec", "--no-helper", *arguments]


def run(
    *arguments: str, given: str = "", environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        exec_line(*arguments), input=given, env={**os.environ, **(environment or {})}, capture_output=True, text=True,
        timeout=PATIENCE_S, check=False,
    )


@pytest.mark.lab
@pytest.mark.slow
def test_a_package_of_the_same_name_in_this_folder_is_not_taken(tmp_path: Path) -> None:
    """Who stands in a checkout and has the program installed elsewhere gets the installed one, with its marker."""
    for name in ("probe", "probe_lab"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('a stranger')\n", encoding="utf-8")
    look = "from probe.catalogue.laboratory_marker import read_marker; print(read_marker().lab)"
    done = subprocess.run(
        [sys.executable, "-P", "-m", "probe", "lab", "exec", "--no-helper", "clean", "--",
         sys.executable, "-P", "-c", look],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "lab")))},
        capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "True"), done.stderr


@pytest.mark.parametrize(
    ("command", "hosts"),
    [
        (["curl", "-sv", "https://www.facebook.com/"], ("www.facebook.com",)),
        (["openssl", "s_client", "-connect", "WWW.Facebook.com:443"], ("www.facebook.com",)),
        (["sh", "-c", "curl https://www.facebook.com/ https://web.telegram.org/k/"],
         ("www.facebook.com", "web.telegram.org")),
        (["dig", "@8.8.8.8", "www.facebook.com", "www.facebook.com"], ("www.facebook.com",)),
        (["curl", "https://not-www.facebook.com/", "https://www.facebook.com.example/"], ()),
        (["bash"], ()),
    ],
)
def test_the_hosts_that_a_command_names(command: Sequence[str], hosts: tuple[str, ...]) -> None:
    assert hosts_in(command, ENDPOINTS) == hosts


@pytest.mark.parametrize(("command", "tier"), [
    (["probe", "run"], 1), (["probe", "run", "--tier", "3"], 3), (["probe", "run", "--tier=2", "--fast"], 2),
    (["probe", "run", "--tier"], 1), (["probe", "run", "--tier", "many"], 1),
])
def test_what_a_run_leaves_out_is_known_by_its_tier(command: list[str], tier: int) -> None:
    assert read_tier(command) == tier
    drawn = {"t": [e.input for e in ENDPOINTS], "proto:x": ["https://other.example/"]}
    assert list_beyond_tier(drawn, tier, ENDPOINTS) == [e.input for e in ENDPOINTS if e.tier > tier]


@pytest.mark.slow
class TestWhoIsCensored:
    pytestmark = with_curl

    def test_the_host_that_the_command_names_and_the_captures_show_it(self, tmp_path: Path) -> None:
        done = run("--pcap", str(tmp_path / "new"), "sni-gfw2", "--", "curl", "-sv", "https://www.facebook.com/")
        assert done.returncode == 35
        assert "reset by peer" in done.stderr
        assert in_order(done.stderr, "www.facebook.com", "@t", "--target")
        assert "@t: https://www.facebook.com/" in done.stderr
        resets = {end: count_resets(tmp_path / "new" / f"{end}.pcapng") for end in ("client", "servers")}
        assert resets["client"] >= 3
        assert resets["servers"] >= 1

    def test_several_that_are_named(self) -> None:
        urls = ("https://www.facebook.com/", "https://web.telegram.org/k/", "https://signal.org/")
        script = "; ".join(f"curl -s -o /dev/null {url}; echo $?" for url in urls)
        targets = ("--target", "https://www.facebook.com/", "--target", "web.telegram.org")
        done = run(*targets, "sni-gfw2", "--", "sh", "-c", script)
        assert done.stdout.split() == ["35", "35", "0"], done.stderr

    def test_one_that_the_catalogue_does_not_know(self) -> None:
        done = run("--target", "no.such.example", "sni-gfw2", "--", "true")
        assert done.returncode == 1
        assert "no.such.example: " in done.stderr

    def test_a_scenario_that_censors_nobody_by_name(self) -> None:
        done = run("--target", "www.facebook.com", "clean", "--", "true")
        assert done.returncode == 2
        assert "leave --target out" in done.stderr
        assert run("clean", "--", *CLIENTS["curl"]).returncode == 0


def count_resets(capture: Path) -> int:
    packets = [IP(raw) if raw[0] >> 4 == 4 else IPv6(raw) for raw, _ in RawPcapNgReader(str(capture))]
    return sum(TCP in packet and "R" in packet[TCP].flags for packet in packets)


@pytest.mark.slow
class TestProgram:
    pytestmark = pytest.mark.lab

    def test_streams_status_and_environment(self) -> None:
        script = "cat; env | grep -ic -e proxy= -e ^ssl_cert; test -s $PROBE_CONFIG && exit 7"
        strange = {"https_proxy": "http://127.0.0.1:1", "ALL_PROXY": "socks5://127.0.0.1:1", "SSL_CERT_FILE": "/none"}
        done = run("clean", "--", "sh", "-c", script, given="given", environment=strange)
        assert (done.stdout, done.returncode) == ("given0\n", 7)

    @pytest.mark.parametrize(
        ("number", "status"), [(signal.SIGKILL, 137), (signal.SIGTERM, 143), (signal.SIGSEGV, 139)]
    )
    def test_a_signal_is_a_status_as_in_a_shell(self, number: int, status: int) -> None:
        assert run("clean", "--", "sh", "-c", f"kill -{number} $$").returncode == status

    def test_a_program_that_does_not_exist(self) -> None:
        done = run("clean", "--", "no-such-program")
        assert done.returncode == 127
        assert "no-such-program: " in done.stderr

    def test_a_program_that_may_not_be_run(self, tmp_path: Path) -> None:
        (tmp_path / "plain-file").touch(mode=0o644)
        assert run("clean", "--", str(tmp_path / "plain-file")).returncode == 126

    def test_a_folder_of_the_search_path_that_is_closed(self, tmp_path: Path) -> None:
        (tmp_path / "closed").mkdir(mode=0)
        path = f"{tmp_path / 'closed'}{os.pathsep}{os.environ['PATH']}"
        assert run("clean", "--", "no-such-program", environment={"PATH": path}).returncode == 127

    def test_signals_reach_the_program_once(self) -> None:
        code = """
import signal, sys
heard = {signal.SIGHUP, signal.SIGUSR1, signal.SIGINT, signal.SIGTERM}
signal.pthread_sigmask(signal.SIG_BLOCK, heard)
print("ready", flush=True)
while (number := signal.sigwait(heard)) != signal.SIGTERM:
    print(number.name, flush=True)
print("SIGTERM", signal.sigpending())
sys.exit(9)
"""
        process = subprocess.Popen(
            exec_line("clean", "--", sys.executable, "-c", code), stdout=subprocess.PIPE, text=True,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdout is not None
        with process.stdout as lines:
            assert lines.readline() == "ready\n"
            for number in (signal.SIGUSR1, signal.SIGINT, signal.SIGHUP, signal.SIGINT):
                process.send_signal(number)
                assert lines.readline() == f"{number.name}\n"
            process.terminate()
            assert lines.readline() == "SIGTERM set()\n"
        assert process.wait(PATIENCE_S) == 9

    def test_the_default_of_a_signal_ends_it(self) -> None:
        process = subprocess.Popen(
            exec_line("clean", "--", "sh", "-c", "echo; exec sleep 1000"), stdout=subprocess.PIPE, text=True,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdout is not None
        with process.stdout as lines:
            assert lines.readline() == "\n"
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_S) == 143


@pytest.mark.lab
@pytest.mark.parametrize(
    "client", [pytest.param(name, marks=pytest.mark.slow) if name == "chromium" else name for name in CLIENTS])
def test_programs_trust_the_laboratory(client: str) -> None:
    if shutil.which(client) is None:
        pytest.skip(f"{client} is not installed")
    if client == "chromium" and not (os.path.isdir("/etc/chromium") and os.geteuid() == 0):
        pytest.skip("its policy folder cannot be covered for sure")
    done = run("clean", "--", *CLIENTS[client])
    assert done.returncode == 0, done.stderr
