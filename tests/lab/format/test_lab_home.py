"""`@home`: who goes on while the way abroad is cut, in whichever country the client is."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_scenario_files import CATALOGUE, GOOD, write
from probe_lab.draw import draw_scenario
from probe_lab.format.scenario import read_scenario

CUT = '[[rule]]\ntrigger = "{trigger}"\nmatch = ["@home", "@gateway"]\naction = "drop"\nblock_type = "{cause}"\n\n'


@pytest.mark.parametrize(("cc", "inside", "outside"), [
    ("RU", {"2gis.ru", "vk.com"}, {"connect.rom.miui.com", "zalo.me", "signal.org"}),
    ("CN", {"connect.rom.miui.com"}, {"2gis.ru", "signal.org"}),
    ("VN", {"zalo.me"}, {"2gis.ru", "signal.org"}),
])
@pytest.mark.parametrize("trigger", ["not_address", "not_sni"])
def test_home_is_the_clients_country(
    tmp_path: Path, cc: str, inside: set[str], outside: set[str], trigger: str
) -> None:
    act = CUT.format(trigger=trigger, cause="network.national_only")
    text = f'cc = "{cc}"\n{GOOD.replace("[[rule]]", f"{act}[[rule]]")}'
    drawn = draw_scenario(read_scenario(write(tmp_path, text)), seed=1, endpoints=CATALOGUE.endpoints)
    listed = set(drawn.rules[0].match)
    hosts = drawn.world.hosts
    known = {name for name in hosts if name in listed or (trigger == "not_address" and {*hosts[name].ipv4} <= listed)}
    assert inside <= known
    assert not outside & known
