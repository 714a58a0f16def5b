"""The benchmark's own sums: what it calls a chain, a pace and a met target."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from observations import replace_flat
from probe.core.observations import Observation
from probe.core.pcapng import INBOUND
from probe.core.tables.operations import Operation
from probe.core.tables.purposes import Purpose
from probe_lab.wire.capture_files import PcapngWriter

ONE = "one.example"
HERE, THERE = "192.0.2.1", "192.0.2.2"


@pytest.fixture
def bench(root: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(root / "tools"))
    return importlib.import_module("benchmark")


def seen(operation: Operation, t0_s: float, t_s: float, *, purpose: Purpose = "target",
         address: str = "") -> Observation:
    """An operation for the one site."""
    return Observation(operation=operation, purpose=purpose, t0_s=t0_s, t_s=t_s, address=address, hostname=ONE,
                       port=443 if address else 0)


SLOW_PLACE = (
    seen("connect", 1.4, 1.6, purpose="innocent", address=HERE),
    seen("tls_handshake", 1.6, 1.8, purpose="innocent", address=HERE),
    seen("connect", 2.4, 2.6, address=HERE),
    replace_flat(seen("tls_handshake", 2.6, 3.0, address=HERE), tls_version="TLSv1.2"),
    replace(seen("http_round_trip", 3.0, 3.2, address=HERE), bytes_read=16_000),
)
RUN = (
    seen("resolve", 0.0, 0.9, purpose="ladder"),
    replace_flat(seen("dns_round_trip", 1.0, 1.3), answers=(HERE, THERE)),
    replace_flat(seen("resolve", 1.0, 1.9), answers=(HERE,)),
    seen("connect", 1.4, 1.9, address=THERE),
    *SLOW_PLACE,
)


def test_the_chain_is_what_waits_for_one_another(bench: ModuleType) -> None:
    chain = bench.chain.longest_chain(RUN)
    assert (chain.hostname, chain.address) == (ONE, HERE)
    assert chain.ladder_s == 1.0
    assert chain.operations == ("dns_round_trip", "innocent connect", "innocent tls_handshake", "connect",
                                "tls_handshake (2)", "http_round_trip (2)")
    # The first lookup, not the slower one; neither the waiting between the visits nor the other address.
    assert chain.site_s == pytest.approx(0.3 + 0.4 + 0.2 + 0.4 + 0.2)
    assert chain.round_trips == bench.chain.LADDER_ROUND_TRIPS + 1 + 2 + 1 + 2 + 2


def test_a_run_without_targets_has_no_chain(bench: ModuleType) -> None:
    with pytest.raises(ValueError, match="no target"):
        bench.chain.longest_chain(RUN[:1])


def test_there_are_enough_sites_of_different_hosts(bench: ModuleType) -> None:
    pages = bench.chain.different_hosts(bench.inside.endpoints())[: bench.chain.SITES]
    assert len({page.split("/")[2] for page in pages}) == bench.chain.SITES
    assert all(page.startswith("https://") for page in pages)


def test_a_list_has_hosts_whose_certificates_it_refuses(bench: ModuleType) -> None:
    private = bench.lists.private_hosts(bench.inside.endpoints())
    assert len(private) >= bench.lists.PRIVATE
    assert not set(private) & set(bench.chain.different_hosts(bench.inside.endpoints()))


def test_the_pace_counts_what_begins_a_flow(bench: ModuleType) -> None:
    starts = bench.pace.flow_starts(RUN)
    assert starts == [1.0, 1.0, 1.4, 1.4, 2.4]
    assert bench.pace.busiest(starts) == 4
    assert bench.pace.busiest([0.0, 1.0, 2.0]) == 1
    assert bench.pace.busiest([]) == 0


def test_targets_are_met_missed_or_absent(bench: ModuleType) -> None:
    figure = bench.figure.Figure
    met, missed = figure(label="a", value=5.0, at_most=5.0), figure(label="bb", value=1234.5, unit="ms", at_most=1000)
    absent = figure(label="c", value=0.123456)
    assert (met.met, missed.met, absent.met) == (True, False, None)
    lines = bench.figure.lines_of([met, missed, absent])
    assert lines[1].split() == ["bb", "1,234", "ms", "MISSED", "(at", "most", "1,000)"]
    assert lines[2].split() == ["c", "0.123"]
    assert bench.figure.middle("m", [3.0, 1.0, 2.0]).value == 2.0


def test_a_capture_is_read(bench: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "wire.pcapng"
    writer = PcapngWriter(file, interface="eth0")
    writer.write(b"E" + bytes(27), 10_500_000_000, INBOUND)
    writer.close()
    assert list(bench.startup.captured(file)) == [(10.5, b"E" + bytes(27))]


def test_a_program_is_watched(root: Path, tmp_path: Path) -> None:
    report = tmp_path / "usage.json"
    watched = root / "tools" / "benchmark" / "watched.py"
    program = [sys.executable, "-c", "x = bytearray(30_000_000); raise SystemExit(7)"]
    done = subprocess.run([sys.executable, str(watched), str(report), *program], timeout=60, check=False)
    usage = json.loads(report.read_text())
    assert done.returncode == 7
    assert usage["peak_kib"] > 30_000
    assert usage["wall_s"] >= 0


def test_a_rule_that_drops_the_targets_spares_the_controls(bench: ModuleType) -> None:
    from probe_lab.draw import resolve_addresses

    drawn = bench.blackhole.targets_dropped(bench.inside.clean_world(rtt_ms=50))
    dropped = set(drawn.rules[0].match)
    rows = bench.inside.endpoints()
    controls = {a for e in rows if e.role == "control" for a in resolve_addresses(e, drawn.world)}
    assert len(dropped) > 100
    assert not dropped & controls
    assert drawn.world.resolver not in dropped


@pytest.mark.long
@pytest.mark.slow
def test_the_rows_of_the_benchmark_are_counted_alike_by_its_peer(bench: ModuleType, root: Path, tmp_path: Path) -> None:
    written = bench.cells.make_rows(tmp_path / "results", 30_000)
    analysed = subprocess.run(
        [sys.executable, "-m", "probe", "analyse", str(tmp_path / "results"), "--lab", "--out", str(tmp_path / "out"),
         "--json"],
        capture_output=True, text=True, check=True, cwd=root)
    told = json.loads(analysed.stdout)
    assert sum(told["rows"].values()) + told["runs"] == written
    assert not told["rejected"]
    peer = [sys.executable, str(root / "tools" / "benchmark" / "pandas_cells.py"), str(tmp_path / "results")]
    assert int(subprocess.run(peer, capture_output=True, text=True, check=True).stdout) == sum(told["cells"].values())


def test_a_stream_is_as_long_as_was_asked_and_never_the_same_twice(bench: ModuleType) -> None:
    lines = list(bench.importing._lines(3))
    size = sum(map(len, lines))
    made = list(bench.importing.stream(lines, size=5 * size))
    assert 5 * size <= sum(map(len, made)) < 5 * size + len(lines[0]) + 100
    told = [json.loads(line) for line in made]
    assert len({one["measurement_uid"] for one in told}) == len(told)
    assert len({one["measurement_start_time"][:13] for one in told}) == 5
