"""The helper as an operator runs it: its unit, its counts, who asks behind a front server, what is never written."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from control_world import HERE, helper_at
from probe_operate.cli.helper import helper as helper_command
from probe_operate.helper import helper_server as control_server
from probe_operate.helper.helper_clients import ClientShares, ShareLimits, find_client
from probe_operate.helper.helper_engine import HelperEngine
from probe_operate.helper.helper_metrics import BUCKETS_S, METRICS, OUTCOMES, HelperCounters, serve_metrics
from probe_operate.helper.helper_workers import FuturePool
from probe_operate.helper.rate_limiter import RateLimiter
from probe_operate.services.helper_unit import make_helper_unit
from project_root import ROOT


def unit(*options: str) -> str:
    """What `probe helper --print-unit` prints."""
    result = CliRunner().invoke(helper_command, [*options, "--print-unit"])
    assert result.exit_code == 0, result.output
    return result.output


# ---- the unit

def test_the_unit_starts_what_was_asked_for() -> None:
    text = unit("--listen", "[::]:443", "--certificate", "/etc/my keys/c.pem", "--key", "/etc/k.pem",
                "--metrics", "127.0.0.1:9099", "--behind-proxy")
    [start] = re.findall(r"(?m)^ExecStart=(/.*)$", text)
    assert start.endswith(" helper --listen [::]:443 --certificate %d/certificate --key %d/key --behind-proxy "
                          "--metrics 127.0.0.1:9099")
    assert 'LoadCredential=certificate:/etc/my keys/c.pem\nLoadCredential=key:/etc/k.pem\n' in text
    assert "CapabilityBoundingSet=CAP_NET_BIND_SERVICE\n" in text
    assert "PrivateUsers" not in text


def test_the_unit_keeps_a_helper_from_giving_bytes() -> None:
    assert re.search(r"(?m)^ExecStart=.* --no-test-bytes$", unit("--no-test-bytes"))


def test_the_unit_needs_no_capability_for_a_high_port() -> None:
    text = unit()
    assert "CapabilityBoundingSet=\n" in text
    assert "AmbientCapabilities=\n" in text
    assert {"DynamicUser=yes", "ProtectSystem=strict", "NoNewPrivileges=yes", "PrivateUsers=yes",
            "MemoryMax=1G"} <= set(text.splitlines())


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    file = tmp_path / "reachability-probe-helper.service"
    keys = ("/my 100% keys/c.pem", "/k.pem")
    file.write_text(make_helper_unit([sys.executable, "-m", "probe", "helper"], low_port=True, keys=keys))
    done = subprocess.run(["systemd-analyze", "verify", str(file)], capture_output=True, text=True, timeout=60,
                          check=False)
    told = [line for line in done.stderr.splitlines() if "reachability-probe-helper" in line]
    assert (done.returncode, told) == (0, [])


def test_a_unit_has_no_line_of_somebody_else() -> None:
    with pytest.raises(ValueError, match="line break"):
        make_helper_unit(["probe", "helper\nExecStartPre=/bin/true"], low_port=False)


# ---- counts

def samples(text: str) -> dict[str, float]:
    """The text format read back: every line is a comment or a sample of a metric that was announced."""
    found: dict[str, float] = {}
    typed: dict[str, str] = {}
    for line in text.splitlines():
        if kind := re.fullmatch(r"# TYPE ([a-z_]+) (counter|gauge|histogram)", line):
            typed[kind[1]] = kind[2]
        elif not line.startswith("# HELP "):
            sample = re.fullmatch(r'([a-z_]+)(\{[a-z]+="[^"{}\\]+"\})? ([0-9.]+)', line)
            assert sample, line
            assert sample[1] in typed or re.sub("_(bucket|sum|count)$", "", sample[1]) in typed
            found[sample[1] + (sample[2] or "")] = float(sample[3])
    assert set(typed) == {f"probe_helper_{name}" for name in METRICS}
    return found


@given(st.lists(st.floats(min_value=0, max_value=30)))
def test_counts_are_text_that_prometheus_reads(times: list[float]) -> None:
    counters = HelperCounters()
    for seconds in times:
        counters.observe_duration(seconds)
        counters.count_end("answered")
    read = samples(counters.format())
    buckets = [read[f'probe_helper_request_seconds_bucket{{le="{bound}"}}'] for bound in (*BUCKETS_S, "+Inf")]
    assert buckets == sorted(buckets)
    assert buckets[-1] == read["probe_helper_request_seconds_count"] == len(times)
    assert all(f'probe_helper_requests_total{{outcome="{word}"}}' in read for word in OUTCOMES)


def test_requests_are_counted_and_nobody_is_in_it() -> None:
    counters = HelperCounters()
    engine, limiter = HelperEngine(pool=FuturePool(1), resolvers=()), RateLimiter(clock=lambda: 0.0, burst=3)
    app = control_server.make_app(engine, limiter=limiter,
                                  counters=counters, behind_proxy=True)
    with helper_at(engine, app=app) as url:
        requests.get(url, timeout=5)
        said = [requests.post(url, data=body, headers={"X-Real-IP": "203.0.113.77"}, timeout=5).status_code
                for body in (b"{", b'{"http_request": "https://example.org:22/"}',
                             b'{"http_request": "http://10.0.0.1/"}',
                             b"{}")]
        assert said == [400, 503, 200, 429]
    text = counters.format()
    read = samples(text)
    for word in ("greeted", "not_understood", "unable", "answered", "rate_limited"):
        assert read[f'probe_helper_requests_total{{outcome="{word}"}}'] == 1, word
    assert (read["probe_helper_in_flight"], read["probe_helper_request_seconds_count"]) == (0, 1)
    assert not re.search(r"203\.0\.113|example|127\.0", text)


def test_counts_are_served_on_loopback_alone() -> None:
    counters = HelperCounters()
    port = serve_metrics(HERE, 0, counters.format)
    answer = requests.get(f"http://{HERE}:{port}/metrics", timeout=5)
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert samples(answer.text)
    assert requests.get(f"http://{HERE}:{port}/", timeout=5).status_code == 404
    with pytest.raises(ValueError, match="loopback"):
        serve_metrics("0.0.0.0", 0, counters.format)
    result = CliRunner().invoke(helper_command, ["--metrics", "0.0.0.0:9099"])
    assert (result.exit_code, "loopback" in result.output) == (2, True)


# ---- who asks

@pytest.mark.parametrize(("peer", "forwarded", "behind", "who"), [
    (HERE, "203.0.113.7", True, "203.0.113.7"), ("::1", "2001:db8::7", True, "2001:db8::7"),
    (HERE, "203.0.113.7", False, HERE), ("198.51.100.1", "203.0.113.7", True, "198.51.100.1"),
    (HERE, "", True, HERE), (HERE, "203.0.113.7, 8.8.8.8", True, HERE), ("", "203.0.113.7", True, ""),
])
def test_only_a_front_server_on_this_machine_is_believed(peer: str, forwarded: str, behind: bool, who: str) -> None:
    assert find_client(peer, forwarded, behind_proxy=behind) == who


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2")))))
def test_shares_hold_what_is_held_and_no_more(steps: list[tuple[bool, str]]) -> None:
    shares, held = ClientShares(ShareLimits(alone=2, network=9, everybody=99)), dict[str, int]()
    for enters, client in steps:
        network = client.rpartition(":")[0] or client  # both IPv6 addresses are of one /64
        if enters:
            assert shares.enter(client) == (held.get(network, 0) < 2)
            held[network] = min(2, held.get(network, 0) + 1)
        elif held.get(network):
            shares.leave(client)
            held[network] -= 1
    assert bool(len(shares)) == any(held.values())


# ---- the whole program

def test_nothing_of_a_client_is_written_anywhere(tmp_path: Path) -> None:
    code = "from probe_operate.cli.helper import helper; helper()"
    process = subprocess.Popen([sys.executable, "-X", "dev", "-c", code, "--listen", f"{HERE}:0", "--behind-proxy",
                                "--metrics", f"{HERE}:0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "HOME": str(tmp_path)})
    try:
        assert process.stdout is not None
        metrics, listening = process.stdout.readline(), process.stdout.readline()
        url = listening.removeprefix("listening on ").strip()
        front = {"X-Real-IP": "203.0.113.77", "X-Forwarded-For": "203.0.113.77", "User-Agent": "secret-agent/7"}
        for body in (b"\xff" * 100, b"{}", b" " * 100_000, b'{"http_request": "http://192.168.77.1/"}'):
            requests.post(url, data=body, headers=front, timeout=20)
        requests.get(url + "secret-path", headers=front, timeout=20)
        counted = requests.get(metrics.removeprefix("metrics on ").strip(), timeout=20).text
        assert samples(counted)['probe_helper_requests_total{outcome="too_large"}'] == 1
    finally:
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=20)
    written = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert (rest, written) == ("", [])
    assert not re.search(r"203\.0\.113|secret|192\.168", metrics + listening + counted)
