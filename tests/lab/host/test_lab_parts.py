"""Parts of the laboratory's kernel side that need no namespaces."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import select
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from lab_exercise import DRAWN, STAND_INS
from probe_lab import lab_errors
from probe_lab.host.blueprint import Blueprint, decode, encode, find_false_helper, running_helpers
from probe_lab.host.browser_trust import policy
from probe_lab.host.false_helper import FalseHelper
from probe_lab.lab_types import Fault
from probe_lab.wire.composite import CompositeLeg
from probe_lab.wire.frames import strip_frame


def test_advice_names_apparmor(monkeypatch: pytest.MonkeyPatch) -> None:
    restricted = {"kernel.apparmor_restrict_unprivileged_userns": "1"}
    monkeypatch.setattr(lab_errors, "_sysctl", lambda name: restricted.get(name, ""))
    advice = lab_errors.namespace_advice(PermissionError(1, "Operation not permitted"))
    assert "AppArmor" in advice
    assert "kernel.apparmor_restrict_unprivileged_userns=0`" in advice
    assert f"profile probe-lab {os.path.realpath(sys.executable)} flags=(unconfined)" in advice


def test_advice_is_a_command_that_a_shell_understands(tmp_path: Path) -> None:
    tools = tmp_path / "sudo"
    tools.write_text('#!/bin/sh\nif [ "$1" = tee ]; then cat > "$PROFILE"; fi\n')
    tools.chmod(0o755)
    profile = tmp_path / "profile"
    environment = {"PATH": f"{tmp_path}{os.pathsep}{os.defpath}", "PROFILE": str(profile)}
    subprocess.run(["sh", "-ec", lab_errors.apparmor_profile("/usr/bin/python3.11")], env=environment, check=True)
    assert profile.read_text().splitlines() == [
        "abi <abi/4.0>,", "profile probe-lab /usr/bin/python3.11 flags=(unconfined) {", "  userns,", "}",
    ]


@pytest.mark.parametrize(
    ("tun", "veth", "words"),
    [
        (PermissionError(errno.EACCES, "Permission denied"), OSError(errno.EOPNOTSUPP, "no"),
         ("`sudo chmod 666 /dev/net/tun`", "`sudo modprobe veth`")),
        (FileNotFoundError(errno.ENOENT, "No such file"), OSError(errno.EPERM, "no"),
         ("`sudo modprobe tun`", "`--device /dev/net/tun`", "run as root")),
        (OSError(errno.EIO, "strange"), ValueError("strange"), ("`sudo modprobe tun`", "`sudo modprobe veth`")),
    ],
)
def test_advice_about_wires_says_what_to_run(tun: OSError, veth: Exception, words: tuple[str, ...]) -> None:
    advice = lab_errors.wire_advice(tun, veth)
    assert all(word in advice for word in words), advice


def test_helpers_that_are_down_are_left_out() -> None:
    def running(*faults: Fault, helpers: bool = True) -> list[str]:
        drawn = dataclasses.replace(DRAWN, faults=faults)
        blueprint = Blueprint(
            drawn=drawn, directory="/d", transport="", helpers=helpers, pcap_dir="", parts=STAND_INS
        )
        assert decode(encode(blueprint)) == blueprint
        return [vantage.control_id for vantage in running_helpers(blueprint)]

    assert running() == ["a", "b"]
    assert running(helpers=False) == []
    assert running(Fault(kind="helper_down")) == []
    assert running(Fault(kind="helper_down", match=("a",))) == ["b"]
    assert running(Fault(kind="status", match=("a",))) == ["a", "b"]


def test_a_false_helper_runs_where_the_fault_says() -> None:
    def errors(*faults: Fault) -> list[FalseHelper | None]:
        blueprint = Blueprint(drawn=dataclasses.replace(DRAWN, faults=faults), directory="/d", transport="",
                              helpers=True, pcap_dir="", parts=STAND_INS)
        return [find_false_helper(blueprint, vantage) for vantage in running_helpers(blueprint)]

    lies = Fault(kind="helper_lies", params={"style": "keys"})
    assert errors() == [None, None]
    assert errors(lies) == [FalseHelper(style="keys")] * 2
    assert errors(dataclasses.replace(lies, match=("b",))) == [None, FalseHelper(style="keys")]
    assert errors(Fault(kind="helper_loaded", match=("a",), params={"after_s": 9})) == [
        FalseHelper(style="loaded", after_s=9.0), None]


def test_frames_other_than_unicast_ip_are_ignored() -> None:
    addresses = bytes.fromhex("020000000002020000000001")
    assert strip_frame(addresses + b"\x08\x00E...") == b"E..."
    assert strip_frame(addresses + b"\x86\xdd`...") == b"`..."
    assert strip_frame(addresses + b"\x08\x06....") is None
    assert strip_frame(bytes.fromhex("333300000001") + addresses[6:] + b"\x86\xdd`...") is None
    assert strip_frame(addresses) is None


class _FakeLeg:
    """A wire in memory."""

    def __init__(self) -> None:
        self.near, self.far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.near.setblocking(False)

    def fileno(self) -> int:
        return self.near.fileno()

    def read(self) -> bytes | None:
        try:
            return self.near.recv(2000)
        except BlockingIOError:
            return None

    def write(self, packet: bytes) -> None:
        self.near.send(packet)


def test_a_composite_leg_serves_all_its_hosts() -> None:
    legs = [_FakeLeg(), _FakeLeg()]
    joined = CompositeLeg([(("52.1.1.1",), legs[0]), (("53.1.1.1", "2601::1"), legs[1])])
    assert select.select([joined], [], [], 0)[0] == []
    legs[1].far.send(b"one")
    legs[0].far.send(b"two")
    assert select.select([joined], [], [], 0)[0] == [joined]
    assert {joined.read(), joined.read()} == {b"one", b"two"}
    assert joined.read() is None
    packet = b"E" + bytes(15) + socket.inet_aton("53.1.1.1")
    joined.write(packet)
    assert legs[1].far.recv(2000) == packet
    joined.write(b"E" + bytes(15) + socket.inet_aton("9.9.9.9"))
    joined.write(b"")
    legs[0].far.setblocking(False)
    with pytest.raises(BlockingIOError):
        legs[0].far.recv(2000)


def test_the_browsers_policy_holds_every_certificate_of_a_bundle() -> None:
    one, two = (f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n" for body in ("QUJD\nREVG", "R0hJ"))
    assert json.loads(policy(f"a comment\n{one}{two}")) == {"CACertificates": ["QUJDREVG", "R0hJ"]}
    assert json.loads(policy("")) == {"CACertificates": []}
