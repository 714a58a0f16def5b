"""Who may be asked for foreign names, and what a helper tells of its own hello: from the configuration to evidence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab_scenario_files import CATALOGUE
from observations import HERE4, HOST, endpoint
from probe.catalogue.packaged import load_matrix_servers
from probe.config.settings import load_settings
from probe.controls.asking.helper_answer import parse_answer
from probe.core.observations import ControlAnswer
from probe.core.places import Place
from probe_lab.draw import draw_scenario, resolve_addresses
from probe_lab.format.scenario import load_scenario
from probe_lab.scoring.trial import agreed_server, configuration

JA4 = "t13d1516h2_8daaf6152771_e5627efa2ab1"


def test_no_server_is_asked_unless_its_operator_agreed() -> None:
    assert load_matrix_servers() == ()  # whoever adds one says who agreed, and when
    assert CATALOGUE.matrix_servers == ()


@pytest.mark.parametrize("name", ["sni-everywhere-reset", "http-everywhere", "agreed-residual"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_laboratorys_server_is_nobodys_target(tmp_path: Path, name: str, seed: int) -> None:
    drawn = draw_scenario(load_scenario(name), seed=seed, endpoints=CATALOGUE.endpoints)
    address = agreed_server(drawn, CATALOGUE)
    rows = [row for row in CATALOGUE.endpoints if row.input in drawn.targets or row.role == "control"]
    assert not [row.input for row in rows if address in resolve_addresses(row, drawn.world)]
    file = tmp_path / "probe.toml"
    file.write_text(configuration(drawn.world, helpers=True, agreed=address))
    found = load_settings(str(file))
    assert [(s.address, s.port) for s in found.matrix_server] == [(address, 443), (address, 80)]
    file.write_text(configuration(drawn.world, helpers=True))
    assert load_settings(str(file)).matrix_server == ()


@pytest.mark.parametrize(("told", "kept"), [
    (JA4, ((Place(HERE4, 443), JA4),)), ("", ()), ("t13d1516h2_8daaf6152771", ()), ("=cmd()", ()), (JA4 + "\n", ()),
])
def test_a_helper_tells_with_which_hello_it_shook_hands(told: str, kept: tuple[tuple[Place, str], ...]) -> None:
    entry = {"proto": "tls", "host": HOST, "port": 443, "address": HERE4, "operation": "tls_handshake",
             "failure": None, "ja4": told}
    blank = ControlAnswer(control_id="a", input=f"https://{HOST}/", state="failed")
    got = parse_answer(json.dumps({"x_endpoints": [entry]}).encode(), blank=blank, endpoint=endpoint())
    assert (got.tls, got.ja4s) == (((Place(HERE4, 443), ""),), kept)
