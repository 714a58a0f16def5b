"""macOS and Windows, as far as Linux can play them: modules, constants and methods that they lack are taken away, and
numbers that mean something else there are refused (`pretend_system.py`). It shows that nothing of Linux is needed; it
does not show what those systems do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from probe.core.tables.systems import LINUX, UNTOLD
from project_root import ROOT
from signed import OURS, document, put

pytestmark = pytest.mark.slow

SYSTEMS = ("win32", "darwin")
OTHERS_OWN = ("probe.__main__", "probe_operate.helper.helper_server", "probe.instruments.datagrams.quic_handshake",
              "probe.instruments.datagrams.quic_trust", "probe_operate.helper.page_fetch_h3")
OTHERS_PACKAGES = ("probe_lab", "probe_analysis.cells", "probe_analysis.counting", "probe_analysis.counts",
                   "probe_analysis.engines", "probe_analysis.events", "probe_analysis.open_results",
                   "probe_analysis.look", "probe_analysis.population", "probe_analysis.slowed", "probe_analysis.site",
                   "probe_analysis.alerts", "probe_analysis.rollout")
"""Their libraries (uvicorn, aioquic, ibis) ask at their import which system this is, and would find half of each."""
PRETEND = ROOT / "tests" / "helpers" / "pretend_system.py"


def on(system: str, *arguments: str, folder: Path, program: str = "") -> subprocess.CompletedProcess[str]:
    """Call the command line, or a program of one's own, as on that system, in a home of its own."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("XDG_", "PROBE_"))}
    return subprocess.run([sys.executable, str(PRETEND), system, *(arguments or ("-",))], input=program, cwd=folder,
                          capture_output=True, text=True, timeout=120, check=False,
                          env={**environment, "HOME": str(home)})


@pytest.mark.parametrize("system", SYSTEMS)
def test_everything_but_the_laboratory_can_be_imported(system: str, root: Path, tmp_path: Path) -> None:
    modules = [".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
               for path in sorted((root / "probe").rglob("*.py"))]
    wanted = [name for name in modules if not name.startswith(OTHERS_PACKAGES) and name not in OTHERS_OWN]
    done = on(system, folder=tmp_path, program=f"import importlib, sys\n"
              f"for name in {wanted!r}: importlib.import_module(name)\nprint(sys.platform, len({wanted!r}))")
    assert done.stdout.split() == [system, str(len(wanted))], done.stderr
    assert len(wanted) > 200


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_dry_run_and_the_state_are_told(system: str, tmp_path: Path) -> None:
    dry = on(system, "run", "--dry-run", folder=tmp_path)
    assert dry.returncode == 0, dry.stderr
    assert "endpoints at" in dry.stdout
    refused = on(system, "run", folder=tmp_path)
    assert refused.returncode == 5, refused.stderr  # nobody agreed: everything up to the first packet was gone through
    watched = on(system, "watch", "--once", folder=tmp_path)
    assert (watched.returncode, "Traceback" in watched.stderr) == (5, False)
    state = on(system, "status", folder=tmp_path)
    assert "Traceback" not in state.stderr
    assert "probe setup" in state.stdout


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_signed_list_is_kept_and_used(system: str, tmp_path: Path) -> None:
    put(tmp_path, document(day=datetime.now(UTC).date()))
    (tmp_path / "list.pub").write_text(OURS.public_file)
    for told in ("New: signed list 7", "Nothing new: signed list 7"):
        done = on(system, "update", "--from", "list.json", "--key", "list.pub", folder=tmp_path)
        assert told in done.stdout, done.stderr
    assert "signed list 7" in on(system, "targets", "list", folder=tmp_path).stdout


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_doctor_says_what_is_not_told(system: str, tmp_path: Path) -> None:
    told = json.loads(on(system, "doctor", "--json", folder=tmp_path).stdout)
    texts = [finding["text"] for finding in told["findings"] if finding["what"] == "not told here"]
    assert texts == list(UNTOLD.values())
    assert "routers" not in told["means"]
    assert not told["convictable"]["tls.drop.sni"]
    assert told["convictable"]["tls.reset.sni"]


def test_windows_has_no_cron_and_is_told_so(tmp_path: Path) -> None:
    done = on("win32", "install", "cron", folder=tmp_path)
    assert done.returncode == 1
    assert "probe watch" in done.stderr
    assert "Traceback" not in done.stderr


MEASURE = """
import contextlib, dataclasses, json, socket, sys, threading
from pathlib import Path
from probe.upkeep.commands.run_lock import LockedError, read_held_since, hold_run_lock
from probe.instruments.clock import start_clock
from probe.instruments.names.dns_udp import DnsListener, DnsQuestion
from probe.instruments.device.gateway import probe_gateway
from probe.instruments.streams.sockets import raise_socket_limit
from probe.instruments.names.system_dns import read_network_resolvers
from probe.instruments.hops.trace import trace_tcp
from probe.instruments.device.tunnels import detect_tunnel
from probe.instruments.datagrams.udp_socket import UdpFlow
from probe.instruments.visits.visit import visit
from probe.core.endpoints import Expectation
from probe.upkeep.schedules.schedule_log import ScheduleEvent, append_event, get_now, read_events
from probe.catalogue.sites import Page
from probe.instruments.steps import TcpTrace, Visit
from probe.store.files.atomic import check_writable, write_file
from probe.core.tables.failures import classify_failure

import dns.message, dns.rrset


def serve_page(listener):
    while True:
        with contextlib.suppress(OSError):
            sock, _ = listener.accept()
            with sock:
                sock.settimeout(5)
                sock.recv(4096)
                sock.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
                sock.recv(1)


def serve_name(sock):
    while True:
        wire, whence = sock.recvfrom(4096)
        query = dns.message.from_wire(wire)
        reply = dns.message.make_response(query)
        reply.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", "192.0.2.7"))
        sock.sendto(reply.to_wire(), whence)


def seen(plan, clock):
    return [{"operation": o.operation, "failure": o.failure, "acked": o.tcp.acked, "icmp": o.icmp,
             "status": o.http.status}
            for o in visit(plan, clock=clock)]


raise_socket_limit()
clock = start_clock(None)
page, names = socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
names.bind(("127.0.0.1", 0))
for work, sock in ((serve_page, page), (serve_name, names)):
    threading.Thread(target=work, args=(sock,), daemon=True).start()
closed = socket.socket()
closed.bind(("127.0.0.1", 0))
port = page.getsockname()[1]
plan = Visit(purpose="target", address="127.0.0.1", port=port, hostname="a.test", source="literal", trust="none",
             pages=(Page(input="http://a.test/", target_id="", url="http://a.test/", expect=Expectation()),))
told = {"visit": seen(plan, clock)}
told["closed"] = seen(dataclasses.replace(plan, port=closed.getsockname()[1]), clock)
told["trace"] = [(o.trace.lines, o.reason) for o in (
    trace_tcp(TcpTrace(purpose="trace", address="127.0.0.1", port=port, together=True), clock=clock, key=b"k"),)]

asked = threading.Event()
question = DnsQuestion(name="a.test", query_type="A", server="127.0.0.1", port=names.getsockname()[1], timeout_s=5,
                    on_first=lambda question: asked.set())
with DnsListener() as listener:
    listener.ask(question)
    asked.wait(10)
told["name"] = [question.failure, list(question.first.answers) if question.first else [], question.replies[0][1]]
with UdpFlow("127.0.0.1", 1) as flow:  # no other test is given a port so low
    flow.send(b"x")
    flow.receive(__import__("time").monotonic() + 5)
    told["datagram"] = [flow.failure, flow.icmp]

home = Path("results").absolute()
check_writable(home)
write_file(home / "lines.txt", b"one\\n")
append_event(home, ScheduleEvent(at=get_now(), kind="started"))
append_event(home, ScheduleEvent(at=get_now(), kind="ended"))
told["events"] = [event.kind for event in read_events(home, since=get_now().replace(year=2000))]
told["lock"] = [read_held_since(home)]
with hold_run_lock(home):
    since = read_held_since(home)
    told["lock"].append(bool(since))
    try:
        with hold_run_lock(home):
            told["lock"].append("twice")
    except LockedError as locked:
        told["lock"].append(str(locked) == since)
with hold_run_lock(home):
    told["lock"].append("again")
told["lookup"] = classify_failure(socket.gaierror(socket.EAI_NONAME, "x"))
told["words"] = [probe_gateway(), detect_tunnel()]
told["resolvers"] = len(read_network_resolvers())
print(json.dumps(told))
"""


@pytest.mark.parametrize("system", SYSTEMS)
def test_one_measurement_of_each_kind(system: str, tmp_path: Path) -> None:
    done = on(system, folder=tmp_path, program=MEASURE)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [(o["operation"], o["failure"], o["acked"]) for o in told["visit"]] == [
        ("connect", "", ""), ("http_round_trip", "", "")]
    assert told["visit"][1]["status"] == 200
    assert [(o["failure"], o["icmp"]) for o in told["closed"]] == [("connection_refused", None)]
    assert told["trace"] == [[[], "this system does not tell of routers"]]
    assert told["name"] == ["", ["192.0.2.7"], -1]
    assert told["datagram"] == ["connection_refused", None]
    assert told["events"] == ["started", "ended"]
    assert told["lock"] == [None, True, True, "again"]
    assert told["lookup"] == "dns_server_misbehaving"
    assert told["words"] == ["unknown", ""]


def test_here_everything_is_told() -> None:
    from probe.upkeep.status.installation_checks import check_system

    assert LINUX
    assert check_system() == []
