"""A run that looks its place up in a person's own table, in the laboratory: what it finds, and what it keeps."""

from __future__ import annotations

import ipaddress
import json
import os
import random
from dataclasses import replace
from pathlib import Path

import pytest

from lab_warm import forked
from mmdb_files import write_mmdb
from probe.catalogue.load import load_catalogue
from probe.config.geo.geo_table import is_public
from probe.core.runs import RunResult
from probe.session.run_verdicts import judge_stored_run
from probe.store.runs.run_reader import read_runs
from probe_lab.draw import draw_scenario
from probe_lab.format.scenario import load_scenario
from probe_lab.laboratory import make_probe_command
from probe_lab.scoring.trial import program_environment

SEED = random.Random(f"place {os.environ['PROBE_TEST_SEED']}").randrange(1, 100_000)
INPUTS = ("https://chat.signal.org/v1/config", "stun://stun.l.google.com:19302", "stun://stun1.l.google.com:19302")
MINE = {"open": ("ZZ", 0), "false": ("TR", 64777)}
"""What the person states in two runs: nothing, and another place."""

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(200)]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, RunResult], list[str]]:
    """(everything that was written, the run of each statement, the client's addresses)."""
    folder, catalogue = tmp_path_factory.mktemp("place"), load_catalogue(search=False)
    draws = (draw_scenario(load_scenario("clean"), seed=seed, endpoints=catalogue.endpoints)
             for seed in range(SEED, SEED + 50))
    drawn = next(d for d in draws if is_public(d.world.client4) and is_public(d.world.client6))
    own = [drawn.world.client4, drawn.world.client6]
    networks = {f"{ipaddress.ip_network((own[0], 16), strict=False)}": {"country_code": "DE", "asn": "AS64510"},
                f"{ipaddress.ip_network((own[1], 32), strict=False)}": {"country_code": "DE", "asn": "AS64511"}}
    table = write_mmdb(folder / "own.mmdb", networks, kind="Lab", made=1_780_000_000)
    known = {e.input for e in catalogue.endpoints}
    assert set(INPUTS) <= known
    found = {}
    with forked(replace(drawn, targets=INPUTS), level="socket", helpers=False) as lab:
        for name, (cc, asn) in MINE.items():
            config, results = lab.directory / f"{name}.toml", folder / "out" / name
            config.write_text(f"[run]\nconsent_level = 2\n[geo]\nfiles = [{json.dumps(table)}]\n"
                              f'[vantage]\ncc = "{cc}"\nasn = {asn}\n')
            done = lab.run([*make_probe_command(), "run", "--fast", "--no-parquet", "--config", str(config),
                            "--results", str(results), "--catalogue", catalogue.path, "--deadline-s", "40",
                            *(part for url in INPUTS for part in ("--input", url))],
                           env=program_environment(), timeout_s=90)
            (folder / "out" / f"{name}.log").write_bytes(done.stdout + done.stderr)
            assert done.returncode == 0, (SEED, done.stderr[-2000:])
            (found[name],) = read_runs(results)
    return folder / "out", found, own


Runs = tuple[Path, dict[str, RunResult], list[str]]


def test_what_is_left_open_is_looked_up(runs: Runs) -> None:
    vantage = runs[1]["open"].run.vantage
    assert (vantage.probe_cc, vantage.probe_asn, vantage.cc_source, vantage.asn_source) == (
        "DE", 64510, "table", "table"), f"seed {SEED}"
    assert (vantage.geo_asn_ipv4, vantage.geo_asn_ipv6, vantage.geo_cc) == (64510, 64511, "DE")
    assert (vantage.stated_cc, vantage.vantage_doubt) == ("ZZ", ())
    assert (vantage.geo_db, vantage.geo_db_date) == ("Lab", "2026-05-28")


def test_what_is_stated_stands_beside_its_contradiction(runs: Runs) -> None:
    vantage = runs[1]["false"].run.vantage
    assert (vantage.probe_cc, vantage.probe_asn, vantage.cc_source, vantage.asn_source) == (
        "TR", 64777, "settings", "settings")
    assert (vantage.geo_cc, vantage.geo_asn_ipv4, vantage.vantage_doubt) == ("DE", 64510, ("country", "network"))


def test_call_servers_told_an_address_that_is_in_no_byte_of_any_output(runs: Runs) -> None:
    folder, found, own = runs
    assert any(o.operation == "stun_binding" and not o.failure for o in found["open"].observations)
    hidden = []
    for address in map(ipaddress.ip_address, own):
        hidden += [address.packed, str(address).encode(), address.exploded.encode(), address.packed.hex().encode()]
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert not [(path.name, secret) for path in files for secret in hidden if secret in path.read_bytes().lower()]


@pytest.mark.parametrize("name", MINE)
def test_stored_rows_are_judged_as_the_run_was(runs: Runs, name: str) -> None:
    result = runs[1][name]
    verdicts, _ = judge_stored_run(result, load_catalogue(search=False))
    assert {(v.target_id, v.outcome, v.block_type) for v in verdicts} == {
        (v.target_id, v.outcome, v.block_type) for v in result.verdicts}
