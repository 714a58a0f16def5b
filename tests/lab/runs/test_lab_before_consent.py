"""Before anybody agreed nothing is sent: the laboratory's capture of the client's wire has no packet of these commands.

The laboratory's marker stands for a consent, so these commands run without it, as on any machine.
"""

from __future__ import annotations

import json
import sys
from ipaddress import ip_address
from pathlib import Path

import pytest
from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.utils import RawPcapNgReader

from lab_feeds import World, public_url, world
from lab_public_feeds import in_open_country
from probe.upkeep.commands.exit_codes import EXIT_NO_CONSENT
from probe_lab.scoring.trial import configuration, program_environment

pytestmark = [pytest.mark.lab, pytest.mark.slow]
UNMARKED = """
from probe.catalogue import laboratory_marker as marker
marker.read_marker = marker.Marker
from probe.cli.main import main
main()
"""
LAST = "192.0.2.77"
"""Where the only packet of the client's goes: it shows that the capture misses none."""
SAY = f"import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('{LAST}', 9))"


def configure(here: World) -> Path:
    """All that can be asked is configured, and nobody agreed to any of it."""
    drawn, token, config = here.drawn, here.folder / "token", here.folder / "unagreed.toml"
    token.write_text("secret\n")
    token.chmod(0o600)
    feed = f"{drawn.world.vantages[0].url}feed.json"
    config.write_text(configuration(drawn.world, helpers=True) + f"""
[public_controls]
globalping = true
globalping_url = "{public_url(drawn)}"
globalping_token_file = {json.dumps(str(token))}
globalping_leave = "2026-01-01"
ooni_helpers = true

[[feed]]
urls = ["{feed}"]
key = "{here.key.text}"
""")
    config.chmod(0o600)
    return config


def read_destinations(capture: Path) -> set[str]:
    """Whom the client's packets were for; the kernel's own to its neighbours (multicast) left out."""
    packets = [IP(raw) if raw[0] >> 4 == 4 else IPv6(raw) for raw, _ in RawPcapNgReader(str(capture))]
    return {packet.dst for packet in packets if not ip_address(packet.dst).is_multicast}


def test_before_consent_the_wire_is_silent(tmp_path: Path) -> None:
    wires = tmp_path / "wires"
    wires.mkdir()
    with world("ip-drop", change=in_open_country, public_network="true", helpers=True, pcap_dir=wires) as here:
        config, key = configure(here), here.folder / "key"
        feed = ("feed", "--fast", "--key", str(key), "--name", "n", "-o", str(here.folder / "out"))
        commands = (("run", "--fast"), ("run", "--timed"), ("watch",), feed, (*feed, "--with", "globalping"))
        for command in commands:
            done = here.laboratory.run(
                [sys.executable, "-c", UNMARKED, *command, "--config", str(config)],
                env={**program_environment(), "XDG_STATE_HOME": str(here.folder / "state")}, timeout_s=200)
            assert done.returncode == EXIT_NO_CONSENT, (command, done.stderr)
        assert here.laboratory.read_public_log() == []
        here.laboratory.run([sys.executable, "-c", SAY], timeout_s=60)
    assert read_destinations(wires / "client.pcapng") == {LAST}
