"""Run a program and write down what it took: `watched.py REPORT PROGRAM ...`; passes its exit status on.

The report is JSON: `wall_s`, `cpu_s`, `peak_kib` (resident), `wire_bytes` (both directions, all network cards of
this network namespace, headers included) and `started_at` (seconds since 1970). It imports little, because the
peak of a program begins with that of the one that started it.
"""

from __future__ import annotations

import json
import os
import sys
import time


def wire_bytes() -> int:
    """Bytes that the network cards of this namespace have received and sent (proc_pid_net(5))."""
    total = 0
    with open("/proc/self/net/dev", encoding="ascii") as file:
        for line in file.readlines()[2:]:
            name, _, counters = line.partition(":")
            fields = counters.split()
            total += 0 if name.strip() == "lo" else int(fields[0]) + int(fields[8])
    return total


def main(report: str, program: list[str]) -> int:
    """Run it to its end."""
    before, started_at, begin = wire_bytes(), time.time(), time.monotonic()
    child = os.posix_spawnp(program[0], program, os.environ)
    _, status, usage = os.wait4(child, 0)
    seen = {
        "wall_s": time.monotonic() - begin, "cpu_s": usage.ru_utime + usage.ru_stime, "peak_kib": usage.ru_maxrss,
        "wire_bytes": wire_bytes() - before, "started_at": started_at,
    }
    with open(report, "w", encoding="ascii") as file:
        json.dump(seen, file)
    return os.waitstatus_to_exitcode(status) & 0xFF


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
