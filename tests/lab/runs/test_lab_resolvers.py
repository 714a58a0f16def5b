"""What public resolvers see of a run of the core tier: as little as docs/ethics.md says."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from probe.core.tables.resolvers import find_operator
from probe.store.runs.run_reader import read_runs
from project_root import ROOT
from recognise import read_line

_SYN, _SYN_ACK = 0x02, 0x12


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ["clean", "doh-block-lie", "dns-nx-inject"])
def test_a_run_burdens_public_resolvers_no_more_than_the_ethics_say(scenario: str, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "probe", "lab", "exec", "--pcap", str(tmp_path), scenario, "--",
                           sys.executable, "-m", "probe", "run", "--fast", "--tier", "1", "--no-parquet",
                           "--results", str(tmp_path / "results")], cwd=ROOT, capture_output=True, text=True,
                          timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    opened = {packet.peer for packet in read_line(tmp_path / "client.pcapng")
              if packet.outbound and packet.is_tcp and packet.tcp_flags & _SYN_ACK == _SYN}
    connections = Counter(operator for address, _, _ in opened if (operator := find_operator(address)))
    (run,) = read_runs(tmp_path / "results")
    questions = Counter((operator, seen.hostname) for seen in run.observations if not seen.reason
                        and seen.operation == "dns_round_trip" and seen.purpose != "ladder"
                        and (operator := find_operator(seen.dns.resolver_address)))
    text = (ROOT / "docs" / "ethics.md").read_text(encoding="utf-8")
    told = re.search(r"public resolver, a run makes at most (\d+)\s+connections,[^.]* (\d+) questions", text)
    assert told is not None
    assert 0 < max(connections.values()) <= int(told[1]), connections
    assert 0 < max(questions.values()) <= int(told[2]), questions.most_common(3)
