"""The kernel's own filters of the set of sequences act on a plain client that asks for pages a few times."""

from __future__ import annotations

import json

import pytest

from lab_exercise import client
from probe.catalogue.load import load_catalogue
from probe_lab.draw import draw_scenario
from probe_lab.format.needs import explain_lacking_needs
from probe_lab.format.scenario import DIRECTORY, Scenario, read_scenario
from probe_lab.laboratory import Laboratory
from probe_lab.truth import read_log

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(200)]

FOLDER = DIRECTORY / "sequences"
KERNEL = [scenario for scenario in map(read_scenario, sorted(FOLDER.glob("*.toml"))) if scenario.censor]
SEED = 11
PROGRAM = r"""
import concurrent.futures, json, sys, time, urllib.error, urllib.request

def fetch(url):
    begin, size = time.monotonic(), 0
    try:
        with urllib.request.urlopen(url, timeout=4) as page:
            while (data := page.read(4096)) and time.monotonic() - begin < 12:
                size += len(data)
    except urllib.error.HTTPError:
        return [size, "answered"]
    except OSError as error:
        return [size, type(error).__name__]
    return [size, "whole"]

with concurrent.futures.ThreadPoolExecutor(12) as pool:
    print(json.dumps(list(pool.map(fetch, json.loads(sys.argv[1]) * 6))))
"""


@pytest.mark.parametrize("scenario", KERNEL, ids=lambda scenario: scenario.name)
def test_a_plain_client_sets_the_kernels_filter_off(scenario: Scenario) -> None:
    lacking = explain_lacking_needs(scenario.needs)
    if lacking:
        pytest.skip(lacking)
    drawn = draw_scenario(scenario, seed=SEED, endpoints=load_catalogue(search=False).endpoints)
    assert scenario.censor
    with Laboratory(drawn, helpers=False) as lab:
        print(client(lab, PROGRAM, json.dumps(drawn.aliases["t"]), timeout_s=150))
        lab.settle()
        acts = {(entry.block_type, entry.alias) for entry in read_log(lab.log_path)}
    assert acts == {(scenario.censor.block_type, "t")}
