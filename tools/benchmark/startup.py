"""How long a scheduled run takes to begin, beside the import of the one library that it cannot do without."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from scapy.utils import RawPcapNgReader

from benchmark.figure import Figure, middle
from benchmark.inside import SEED, clean_world, endpoints, run_probe
from probe_lab.laboratory import Laboratory, make_probe_command
from probe_lab.scoring.trial import program_environment
from probe_lab.wire.packet import TCP, UDP, parse_packet

ROUNDS = 11
PACKET_ROUNDS = 5
AT_MOST = 1.6
YARDSTICK = (sys.executable, "-c", "import requests")


def measure() -> list[Figure]:
    """A dry run over `import requests`, in turns, so that a busy machine slows both down."""
    dry_run = (*make_probe_command(), "run", "--dry-run")
    _seconds(YARDSTICK), _seconds(dry_run)  # both compiled and in the cache
    pairs = [(_seconds(YARDSTICK), _seconds(dry_run)) for _ in range(ROUNDS)]
    ours, theirs = [run for _, run in pairs], [yardstick for yardstick, _ in pairs]
    return [
        Figure(label="dry run / import requests", value=median(ours) / median(theirs), at_most=AT_MOST,
               note=f"medians of {ROUNDS}, in turns"),
        middle("import requests", [1000 * s for s in theirs], unit="ms"),
        middle("probe run --dry-run", [1000 * s for s in ours], unit="ms"),
    ]


def measure_packet() -> list[Figure]:
    """From the start of the process to the first packet that its capture shows, over `import requests`."""
    drawn = clean_world(rtt_ms=10)
    target = next(e.input for e in endpoints() if e.tier == 1 and e.protocol == "http" and "{" not in e.input)
    with tempfile.TemporaryDirectory() as folder:
        pairs = []
        with Laboratory(drawn, helpers=False, pcap_dir=folder) as laboratory:
            for _ in range(PACKET_ROUNDS):
                yardstick_s = _seconds(YARDSTICK)
                run = run_probe(laboratory, "--fast", "--input", target, "--deadline-s", "10")
                pairs.append((yardstick_s, run.started_at))
        sent = sent_at(Path(folder) / "client.pcapng", client=drawn.world.client4)
    waits = [next(t for t in sent if t >= started_at) - started_at for _, started_at in pairs]
    return [
        Figure(label="first packet / import requests", value=median(waits) / median(y for y, _ in pairs),
               at_most=AT_MOST, note=f"medians of {PACKET_ROUNDS}, in turns; seed {SEED}"),
        middle("start to first packet", [1000 * s for s in waits], unit="ms"),
    ]


def sent_at(capture: Path, *, client: str) -> list[float]:
    """When the client sent its UDP and TCP packets over IPv4, in seconds since 1970, in order."""
    packets = ((time_s, parse_packet(raw)) for time_s, raw in captured(capture))
    return sorted(t for t, p in packets if p is not None and p.src == client and p.proto in (TCP, UDP))


def captured(capture: Path) -> Iterator[tuple[float, bytes]]:
    """Time stamp, in seconds since 1970, and bytes of each packet of a pcapng file."""
    packets: Iterable[tuple[bytes, Any]] = RawPcapNgReader(str(capture))
    for raw, stamp in packets:
        yield (stamp.tshigh << 32 | stamp.tslow) / stamp.tsresol, raw


def _seconds(command: tuple[str, ...]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, env=program_environment(), stdout=subprocess.DEVNULL, check=True, timeout=60)
    return time.perf_counter() - begin
