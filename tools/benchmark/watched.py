"""Run a program and write down what it took: `watched.py REPORT PROGRAM ...`; passes its exit status on.

The report is JSON: `wall_s`, `cpu_s`, `peak_kib` (resident), `packet_bytes` (of IP packets in both directions, on all
network cards of this network namespace) and `started_at` (seconds since 1970). It imports little, because the peak of
a program begins with that of the one that started it.
"""

from __future__ import annotations

import json
import os
import sys
import time

_ETHERNET_HEADER_BYTES = 14


def packet_bytes() -> int:
    """Bytes of the IP packets that this namespace's network cards have received and sent (proc_pid_net(5)).

    The cards count Ethernet's header with each packet. No provider counts it, and a phone's line has none.
    """
    total = 0
    with open("/proc/self/net/dev", encoding="ascii") as file:
        for line in file.readlines()[2:]:
            name, _, counters = line.partition(":")
            fields = counters.split()
            if name.strip() != "lo":
                received_bytes, received, sent_bytes, sent = (int(fields[n]) for n in (0, 1, 8, 9))
                total += received_bytes + sent_bytes - _ETHERNET_HEADER_BYTES * (received + sent)
    return total


def main(report: str, program: list[str]) -> int:
    """Run it to its end."""
    before, started_at, begin = packet_bytes(), time.time(), time.monotonic()
    child = os.posix_spawnp(program[0], program, os.environ)
    _, status, usage = os.wait4(child, 0)
    seen = {
        "wall_s": time.monotonic() - begin, "cpu_s": usage.ru_utime + usage.ru_stime, "peak_kib": usage.ru_maxrss,
        "packet_bytes": packet_bytes() - before, "started_at": started_at,
    }
    with open(report, "w", encoding="ascii") as file:
        json.dump(seen, file)
    return os.waitstatus_to_exitcode(status) & 0xFF


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
