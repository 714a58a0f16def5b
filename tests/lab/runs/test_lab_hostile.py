"""The probe among hostile servers, resolvers and lines: it ends in time, accuses nobody, goes nowhere it must not."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from lab_warm import forked
from probe.catalogue.load import load_catalogue
from probe_lab.draw import draw_scenario
from probe_lab.format.scenario import load_scenario
from probe_lab.lab_types import DrawnScenario, Fault
from probe_lab.laboratory import Laboratory
from probe_lab.scoring.trial import configuration, program_environment

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(200)]

SERVER_FAULTS = {
    "tls_junk": {}, "http_endless": {}, "http_gzip_bomb": {}, "http_redirect_loop": {}, "http_huge_headers": {},
    "http_binary_headers": {}, "http_redirect_to": {"location": "http://127.0.0.1:8080/"},
}
RESOLVER_FAULTS = ("resolver_garbage", "resolver_truncated", "resolver_wrong_question", "resolver_loop")
MEMORY_KB = 120_000
MEASURE = """
import resource, sys
from probe.cli.main import cli
try:
    cli.main(args=sys.argv[1:], standalone_mode=True)
finally:
    print("peak_kb", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


def world(seed: int) -> DrawnScenario:
    """A clean world with a dozen targets that speak TLS and HTTP."""
    endpoints = load_catalogue(search=False).endpoints
    drawn = draw_scenario(load_scenario("clean"), seed=seed, endpoints=endpoints)
    hosts: dict[str, str] = {}
    for e in endpoints:
        plain = e.protocol == "http" and e.tier == 1 and e.role != "control" and "{" not in e.input
        if plain and e.sni and e.trust == "web_pki" and not e.expect.json:
            hosts.setdefault(e.host, e.input)
    return replace(drawn, targets=tuple(sorted(hosts.values())[:: len(hosts) // 14]))


def host_of(url: str) -> str:
    return url.split("/")[2]


def measure(laboratory: Laboratory, drawn: DrawnScenario, *extra: str, helpers: bool = True) -> tuple[int, str]:
    """Run the probe; returns exit status and standard error."""
    config = laboratory.directory / "probe.toml"
    config.write_text(configuration(drawn.world, helpers=helpers))
    inputs = [part for target in drawn.targets for part in ("--input", target)]
    command = [sys.executable, "-c", MEASURE, "run", "--fast", "--no-parquet", "--config", str(config),
               "--results", str(laboratory.directory / "results"), *inputs, *extra]
    done = laboratory.run(command, env=program_environment(), timeout_s=150)
    return done.returncode, done.stderr.decode(errors="replace")


def rows(laboratory: Laboratory, table: str) -> Sequence[dict[str, str]]:
    (path,) = (laboratory.directory / "results").glob(f"{table}/date=*/*.csv")
    with path.open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def peak_kb(stderr: str) -> int:
    return int(next(line for line in stderr.splitlines() if line.startswith("peak_kb")).split()[1])


def test_hostile_servers(seed: int) -> None:
    drawn = world(seed % 1000)
    targets = dict(zip(SERVER_FAULTS, drawn.targets, strict=False))
    faults = tuple(Fault(kind=kind, match=(host_of(targets[kind]),), params=params)
                   for kind, params in SERVER_FAULTS.items())
    drawn = replace(drawn, faults=faults)
    with forked(drawn) as laboratory:
        status, stderr = measure(laboratory, drawn)
        assert status == 0, stderr
        assert "Traceback" not in stderr
        assert peak_kb(stderr) < MEMORY_KB
        verdicts = {row["input"]: row for row in rows(laboratory, "verdicts")}
        seen = rows(laboratory, "observations")
    assert not [v for v in verdicts.values() if v["outcome"] == "blocked"]
    for target in drawn.targets[len(SERVER_FAULTS):]:
        assert verdicts[target]["outcome"] == "ok"
    assert verdicts[targets["tls_junk"]]["outcome"] in ("down", "inconclusive")
    assert not [o for o in seen if o["address"].startswith(("127.", "192.168.", "10.")) and not o["reason"]]
    kept = [o for o in seen if o["operation"] != "transfer"]  # whose bodies are counted, and thrown away
    assert not [(o["operation"], o["input"], o["body_bytes"]) for o in kept if int(o["body_bytes"]) > 16384]


@pytest.mark.parametrize("kind", RESOLVER_FAULTS)
def test_hostile_resolvers(seed: int, kind: str) -> None:
    drawn = world(seed % 1000)
    drawn = replace(drawn, faults=(Fault(kind=kind),), targets=drawn.targets[:5])
    with forked(drawn) as laboratory:
        status, stderr = measure(laboratory, drawn)
        assert status == 0, stderr
        assert "Traceback" not in stderr
        outcomes = {row["outcome"] for row in rows(laboratory, "verdicts") if row["input"] in drawn.targets}
    assert "blocked" not in outcomes
    assert outcomes <= {"ok", "local", "inconclusive"}


def test_no_network_ends_early_and_says_so(seed: int) -> None:
    drawn = world(seed % 1000)
    drawn = replace(drawn, faults=(Fault(kind="blackhole"),))
    with forked(drawn, helpers=False) as laboratory:
        status, stderr = measure(laboratory, drawn, "--deadline-s", "30", helpers=False)
        (run,) = rows(laboratory, "runs")
        outcomes = {row["outcome"] for row in rows(laboratory, "verdicts")}
    assert status == 4, stderr
    assert float(run["runtime_s"]) < 32
    assert run["outcome"] in ("network", "local")
    assert not outcomes & {"ok", "blocked", "down"}


def test_the_scheduled_path_loads_nothing_heavy(seed: int) -> None:
    heavy = ("pandas", "pyarrow", "scapy", "rich", "duckdb", "ibis", "jinja2", "starlette", "uvicorn", "pyroute2",
             "httpx", "aioquic", "dns.resolver", "dns.query", "numpy")
    drawn = world(seed % 1000)
    drawn = replace(drawn, targets=drawn.targets[:2])
    with forked(drawn) as laboratory:
        config = laboratory.directory / "probe.toml"
        config.write_text(configuration(drawn.world, helpers=True))
        done = laboratory.run(
            [sys.executable, "-X", "importtime", "-m", "probe", "run", "--fast", "--timed", "--config", str(config),
             "--results", str(laboratory.directory / "results"), "--input", drawn.targets[0]],
            env=program_environment(), timeout_s=100)
    assert done.returncode == 0, done.stderr
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.decode().splitlines() if "import time:" in line}
    assert "probe.session.make_run" in loaded
    assert not [name for name in loaded if name in heavy or name.startswith(tuple(f"{h}." for h in heavy))]


def test_results_that_cannot_be_written_stop_the_run_before_it_starts(tmp_path: Path, seed: int) -> None:
    drawn = world(seed % 1000)
    drawn = replace(drawn, targets=drawn.targets[:1])
    blocked = tmp_path / "file"
    blocked.write_text("")
    with forked(drawn, helpers=False) as laboratory:
        done = laboratory.run([sys.executable, "-m", "probe", "run", "--fast", "--input", drawn.targets[0],
                               "--results", str(blocked / "results")], env=program_environment(), timeout_s=60)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert str(blocked).encode() in done.stderr
