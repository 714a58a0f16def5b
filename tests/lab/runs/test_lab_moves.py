"""A device that goes to another network while it measures: real runs of one censored world, in the laboratory.

The way is changed as soon as the censor struck for the first time; packets pass afterwards as before, so that only
who notices the change can know that the evidence is of two networks.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from lab_warm import forked
from probe.catalogue.load import load_catalogue
from probe_lab.draw import draw_scenario
from probe_lab.format.scenario import load_scenario
from probe_lab.laboratory import Laboratory, make_probe_command
from probe_lab.scoring.judged import Row
from probe_lab.scoring.trial import configuration, program_environment, read_rows
from probe_lab.truth import read_log

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(300)]

SCENARIO = "sni-tspu4"
"""The name's handshakes vanish: silence takes long enough for something to happen in the meantime."""
ANOTHER_ROUTER = """
from pyroute2 import IPRoute
with IPRoute() as route:
    (old,) = [r for r in route.get_default_routes(family=2)]
    index, address = old.get_attr("RTA_OIF"), old.get_attr("RTA_GATEWAY")
    (near,) = [n for n in route.get_neighbours(family=2) if n.get_attr("NDA_DST") == address]
    other = ".".join([*address.split(".")[:3], str((int(address.split(".")[3]) + 1) % 250 + 1)])
    route.neigh("replace", dst=other, lladdr=near.get_attr("NDA_LLADDR"), ifindex=index, state=0x80)
    route.route("replace", dst="default", gateway=other, oif=index, flags=4)
"""
ANOTHER_RESOLVER = """
text = open("/etc/resolv.conf").read()
open("/etc/resolv.conf", "w").write("nameserver 9.9.9.9\\n" + "".join(
    line + "\\n" for line in text.splitlines() if not line.startswith("nameserver")))
"""
CHANGES = {"stays": "", "another router": ANOTHER_ROUTER, "another resolver": ANOTHER_RESOLVER}


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What one run wrote."""

    verdicts: Sequence[Row]
    run: Row


def a_run(lab: Laboratory, name: str, change: str, inputs: Sequence[str], catalogue: str) -> Seen:
    """One run, in which the client's network is changed once the censor has struck."""
    results, config = lab.directory / name.replace(" ", "-"), lab.directory / "probe.toml"
    struck = len(read_log(lab.log_path))
    command = [*make_probe_command(), "run", "--fast", "--no-parquet", "--config", str(config), "--results",
               str(results),
               "--catalogue", catalogue, "--seed", "1", *(part for url in inputs for part in ("--input", url))]
    with lab.start(command, env=program_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        while change and process.poll() is None and len(read_log(lab.log_path)) == struck:
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.05)
        if change:
            done = lab.run([sys.executable, "-c", change], timeout_s=30)
            assert done.returncode == 0, done.stderr.decode()
        said = process.communicate(timeout=120)[0].decode()
    runs = read_rows(results, "runs")
    assert runs, said
    return Seen(verdicts=read_rows(results, "verdicts"), run=runs[0])


@pytest.fixture(scope="module")
def seen() -> dict[str, Seen]:
    """All runs, one after the other in one laboratory."""
    seed = random.Random(f"moves {os.environ['PROBE_TEST_SEED']}").randrange(1, 1_000_000)
    print(f"seed {seed} (to repeat: PROBE_TEST_SEED={os.environ['PROBE_TEST_SEED']})")
    rows = load_catalogue(search=False)
    drawn = draw_scenario(load_scenario(SCENARIO), seed=seed, endpoints=rows.endpoints)
    inputs = sorted(drawn.aliases["t"])[:1]
    with forked(drawn, level="packet") as lab:
        (lab.directory / "probe.toml").write_text(configuration(drawn.world, helpers=True, consent_level=1))
        return {name: a_run(lab, name, change, inputs, rows.path) for name, change in CHANGES.items()}


def test_who_stays_is_told_of_the_block(seen: dict[str, Seen]) -> None:
    """Nothing shows that it is not the service: with so little consent nobody searches for the place."""
    assert {v["suspected"] or v["block_type"] for v in seen["stays"].verdicts} == {"tls.drop.sni"}
    assert "network:changed" not in seen["stays"].run["conditions"]


@pytest.mark.parametrize("change", [name for name, code in CHANGES.items() if code])
def test_who_moves_accuses_nobody(seen: dict[str, Seen], change: str) -> None:
    found = seen[change]
    assert {(v["outcome"], v["block_type"]) for v in found.verdicts} == {("inconclusive", "inconclusive.vantage")}
    assert "network:changed" in found.run["conditions"]
    assert found.run["block_type"] == "inconclusive.vantage"
    assert float(found.run["runtime_s"]) <= float(seen["stays"].run["runtime_s"]), "it goes on in no other network"
