"""Any program as the censor: a forwarding kernel on the client's path, and what it did in the truth log."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.utils import RawPcapNgReader

from lab_exercise import DRAWN, WORLD, client, expected, explore, open_lab, tun_reason
from probe_lab.format.needs import search_path
from probe_lab.host import acts
from probe_lab.lab_types import Censor
from probe_lab.laboratory import LabFailed, Laboratory, LabUnavailable
from probe_lab.truth import TruthEntry, read_log
from project_root import LAB_HELPERS

TRANSPORTS = [pytest.param("tun", marks=pytest.mark.skipif(bool(tun_reason()), reason=tun_reason() or "open")), "veth"]
NEEDS = ("iptables", "ip6tables", "nft")
ABSENT = [name for name in NEEDS if shutil.which(name, path=search_path()) is None]
with_filters = [pytest.mark.lab, pytest.mark.skipif(bool(ABSENT), reason=f"not installed: {', '.join(ABSENT)}")]
SERVER4, SERVER6, OTHER4 = "1.2.3.4", "2a02:26f0::1", "1.2.3.5"

REACH = """
import errno, json, socket, sys
def reach(address):
    try:
        with socket.create_connection((address, 80), timeout=3) as s:
            s.sendall(b"who asks for forbidden.example?" if len(sys.argv) > 2 else b"who")
            return json.loads(s.recv(200))["to"]
    except OSError as error:
        return errno.errorcode.get(error.errno, type(error).__name__)
print(json.dumps([reach(address) for address in sys.argv[1].split(",")]))
"""


@contextmanager
def censored(censor: Censor, **changes: object) -> Iterator[Laboratory]:
    """A laboratory of stand-ins with a censor on the client's path."""
    drawn = dataclasses.replace(DRAWN, censor=censor, aliases={"t": ("http://t.example/",)})
    with open_lab(drawn=drawn, **changes) as lab:
        yield lab


def reach(lab: Laboratory, *addresses: str, forbidden: bool = False) -> list[str]:
    found: list[str] = json.loads(client(lab, REACH, ",".join(addresses), *(("forbidden",) if forbidden else ())))
    return found


def nobody() -> Censor:
    return Censor(setup=("iptables -A FORWARD -d 203.0.113.1 -j DROP",), counters="iptables", block_type="ip.blackhole")


def refuse(line: str) -> Censor:
    return Censor(
        setup=tuple(line.format(*pair) for pair in (("ip", SERVER4), ("ip6", SERVER6))),
        counters=line.split()[0].replace("{0}", "ip"),
        match=(SERVER4, SERVER6),
        block_type="ip.reset",
        alias="t",
    )


@pytest.mark.slow
class TestKernel:
    pytestmark = with_filters

    @pytest.mark.parametrize("transport", TRANSPORTS)
    def test_a_censor_that_concerns_nobody_lets_everything_through(self, transport: str, tmp_path: Path) -> None:
        with censored(nobody(), transport=transport, level="packet", pcap_dir=tmp_path) as lab:
            assert explore(lab) == expected(level="packet", tap=transport == "tun")
            assert read_log(lab.log_path) == ()
        sent, arrived = (ttls(tmp_path / f"{end}.pcapng", to_server=True) for end in ("client", "servers"))
        assert {(4, 64), (6, 64)} == sent
        assert {(4, 63), (6, 63)} == arrived, "the censor's kernel is one hop"

    @pytest.mark.parametrize("transport", TRANSPORTS)
    @pytest.mark.parametrize(
        ("censor", "outcome"),
        [
            (refuse("{0}tables -A FORWARD -p tcp -d {1} -j REJECT --reject-with tcp-reset"), "ECONNREFUSED"),
            (refuse("{0}tables -A FORWARD -d {1} -j DROP"), "TimeoutError"),
        ],
        ids=["reset", "drop"],
    )
    def test_what_it_refuses_is_the_truth(self, transport: str, censor: Censor, outcome: str) -> None:
        with censored(censor, transport=transport) as lab:
            assert reach(lab, OTHER4) == [OTHER4]
            assert read_log(lab.log_path) == (), "nothing was refused so far"
            assert reach(lab, SERVER4, OTHER4) == [outcome, OTHER4]
            assert concerned(lab) == [SERVER4]
            assert reach(lab, SERVER6) == [outcome]
            assert concerned(lab) == [SERVER4, SERVER6]
            assert {(e.actor, e.block_type, e.alias) for e in read_log(lab.log_path)} == {("censor", "ip.reset", "t")}

    def test_nft_counts_as_well(self) -> None:
        setup = (
            "nft add table inet censor",
            "nft add chain inet censor path '{ type filter hook forward priority 0; }'",
            f"nft add rule inet censor path ip daddr {SERVER4} counter reject with tcp reset",
            f"nft add rule inet censor path ip6 daddr {SERVER6} counter reject with tcp reset",
            f"nft add rule inet censor path ip daddr {OTHER4} counter accept",
        )
        censor = Censor(setup=setup, counters="nft", match=(SERVER4, SERVER6), block_type="ip.reset", alias="t")
        with censored(censor) as lab:
            assert reach(lab, OTHER4, SERVER4, SERVER6) == [OTHER4, "ECONNREFUSED", "ECONNREFUSED"]
            assert concerned(lab) == [SERVER4, SERVER6]

    def test_a_program_on_a_queue_decides(self) -> None:
        censor = Censor(
            setup=("iptables -A FORWARD -p tcp -j NFQUEUE --queue-num 7",),
            program=f"{sys.executable} {LAB_HELPERS / 'lab_queue_censor.py'} forbidden.example",
            log=r"^dropped (?P<address>\S+) for (?P<name>\S+) <",
            match=("forbidden.example",),
            block_type="http.drop.host",
            alias="t",
        )
        with censored(censor) as lab:
            assert reach(lab, SERVER4) == [SERVER4]
            assert read_log(lab.log_path) == ()
            assert reach(lab, SERVER4, forbidden=True) == ["TimeoutError"]
            entries = read_log(lab.log_path)
            assert {(entry.name, entry.address) for entry in entries} == {("forbidden.example", SERVER4)}


class TestTrouble:
    pytestmark = pytest.mark.lab

    def test_a_command_that_fails_is_an_error_with_its_words(self) -> None:
        censor = Censor(setup=("true", "echo no such table >&2; exit 4"))
        lab = open_lab(drawn=dataclasses.replace(DRAWN, censor=censor))
        with pytest.raises(LabFailed, match=r"no such table\n.* status 4: ") as caught:
            lab.__enter__()
        assert "Traceback" not in str(caught.value)
        assert not lab.directory.exists()

    def test_a_program_that_dies_is_an_error_with_its_last_words(self) -> None:
        censor = Censor(setup=("mkfifo told",), program="sh -c 'read line < told; echo famous last words; exit 3'")
        with censored(censor) as lab:
            lab.run(["true"], timeout_s=20)
            (lab.log_path.parent / "censor" / "told").write_text("die\n")
            with pytest.raises(LabFailed, match=r"(?s)famous last words.* status 3"):
                lab.run(["sleep", "60"], timeout_s=70)
        assert not lab.directory.exists()

    def test_a_program_that_ends_instead_of_listening_to_its_queue_is_named(self) -> None:
        if ABSENT:
            pytest.skip(f"not installed: {', '.join(ABSENT)}")
        setup = ("iptables -A FORWARD -j NFQUEUE --queue-num 7",)
        lab = open_lab(drawn=dataclasses.replace(DRAWN, censor=Censor(setup=setup, program="sh -c 'exit 5'")))
        with pytest.raises(LabFailed, match="with status 5"):
            lab.__enter__()

    def test_a_program_is_up_when_it_says_so(self) -> None:
        censor = Censor(setup=("echo up",), program="sleep 0.2; echo not yet; touch told; echo it is up; sleep 60",
                        ready="is up$")
        with censored(censor) as lab:
            assert (lab.log_path.parent / "censor" / "told").exists()

    def test_a_program_that_never_says_so_is_named_with_its_last_words(self) -> None:
        censor = Censor(program="echo it is down; exit 6", ready="it is up")
        with (
            pytest.raises(LabFailed, match=r"(?s)down.*status 6"),
            open_lab(drawn=dataclasses.replace(DRAWN, censor=censor)),
        ):
            pytest.fail("it was built")

    def test_all_that_a_line_starts_ends_with_the_laboratory(self) -> None:
        censor = Censor(program="sh -c 'trap \"touch ended; exit\" TERM; echo up; while :; do sleep 0.1; done' & wait",
                        ready="up")
        with censored(censor) as lab:
            folder = lab.log_path.parent / "censor"
            assert not (folder / "ended").exists()
            assert lab.run(["true"], timeout_s=20).returncode == 0

    def test_a_missing_program_makes_it_unavailable(self) -> None:
        censor = Censor(setup=("true",), needs=("no-such-program",))
        with (
            pytest.raises(LabUnavailable, match="no-such-program"),
            open_lab(drawn=dataclasses.replace(DRAWN, censor=censor)),
        ):
            pytest.fail("it was built")


def ttls(capture: Path, *, to_server: bool) -> set[tuple[int, int]]:
    """Version and TTL of every packet in one direction."""
    packets = [IP(raw) if raw[0] >> 4 == 4 else IPv6(raw) for raw, _ in RawPcapNgReader(str(capture))]
    chosen = [packet for packet in packets if (packet.src in (WORLD.client4, WORLD.client6)) == to_server]
    return {(packet.version, packet.ttl if packet.version == 4 else packet.hlim) for packet in chosen}


def concerned(lab: Laboratory) -> list[str]:
    return sorted({entry.address for entry in read_log(lab.log_path)})


IPTABLES = """# Generated by iptables-save v1.8.9 (nf_tables) on Wed Nov 25 03:06:45 2026
*filter
:INPUT ACCEPT [7:700]
:FORWARD DROP [{policy}:80]
[{string}:52] -A FORWARD -p tcp -m string --string "a.example" --algo bm -j REJECT --reject-with tcp-reset
[9:52] -A FORWARD -p tcp -j ACCEPT
[{marked}:52] -A FORWARD -d 192.0.2.7/32 -m comment --comment "act: slow" -j MARK --set-xmark 0x1/0xffffffff
COMMIT
# Generated by ip6tables-save v1.8.9 (nf_tables) on Wed Nov 25 03:06:45 2026
*filter
[{string6}:52] -A FORWARD -p tcp -m string --string "a.example" --algo bm -j REJECT --reject-with tcp-reset
COMMIT
"""


def listing(*, policy: int = 0, string: int = 0, marked: int = 0, string6: int = 0) -> dict[str, int]:
    return acts.read_counts("iptables", IPTABLES.format(policy=policy, string=string, marked=marked, string6=string6))


def test_rules_of_iptables_that_refuse_are_counted() -> None:
    before = listing(string=1)
    assert acts.find_risen_counts(before, before, match=("a.example",)) == ()
    assert acts.find_risen_counts(before, listing(string=2), match=("a.example",)) == (acts.CensorAct(name="a.example"),
                                                                                       )
    assert acts.find_risen_counts(before, listing(string=1, string6=1), match=("example",)) == (acts.CensorAct(),
                                                                                                ), "part of a name"
    assert acts.find_risen_counts(before, listing(string=1, policy=1), match=("a.example",)) == (acts.CensorAct(),)
    assert acts.find_risen_counts(before, listing(string=1, marked=5),
                                  match=("192.0.2.7",)) == (acts.CensorAct(address="192.0.2.7"),)


def test_rules_of_nft_that_refuse_are_counted() -> None:
    def printed(*packets: int) -> str:
        endings: list[dict[str, object]] = [
            {"drop": None}, {"accept": None}, {"xt": {"type": "target", "name": "REJECT"}}, {"reject": None},
        ]
        rules = [
            {"rule": {"handle": n, "expr": [{"counter": {"packets": count, "bytes": 0}}, ending]}}
            for n, (count, ending) in enumerate(zip(packets, endings, strict=True))
        ]
        uncounted = {"rule": {"handle": 9, "expr": [{"drop": None}]}}
        return json.dumps({"nftables": [{"metainfo": {}}, {"table": {}}, *rules, uncounted]})

    before = acts.read_counts("nft", printed(0, 0, 0, 0))
    assert len(before) == 3
    assert len(acts.find_risen_counts(before, acts.read_counts("nft", printed(1, 1, 1, 1)), match=())) == 3
    with pytest.raises(ValueError, match="Expecting value"):
        acts.read_counts("nft", "Error: no such table")


def test_lines_of_output_are_acts() -> None:
    lines = ["[1] drop a.example from 192.0.2.9", "nothing", "[2] drop"]
    assert acts.find_logged_acts(r"drop(?: (?P<name>\S+) from (?P<address>\S+))?", lines) == (
        acts.CensorAct(name="a.example", address="192.0.2.9"), acts.CensorAct(),
    )
    censor = Censor(log="drop", block_type="tls.drop.sni", alias="t")
    assert acts.make_truth_entries(censor, [acts.CensorAct(name="a.example")], time_s=3.0) == (
        TruthEntry(
            time_s=3.0, actor="censor", action="external", block_type="tls.drop.sni", alias="t", name="a.example"
        ),
    )
