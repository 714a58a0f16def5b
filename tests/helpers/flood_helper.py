"""A helper as in the field, in a process of its own, that may connect to loopback: `flood_helper.py FOLDER`.

FOLDER holds `key.pem`, `chain.pem` and `targets` (address and port a line). It prints its port; on loopback each /24
stands for a network.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from probe.instruments.streams.sockets import raise_socket_limit
from probe_operate.cli.helper import WORKERS
from probe_operate.helper.helper_engine import HelperEngine
from probe_operate.helper.helper_metrics import HelperCounters
from probe_operate.helper.helper_server import make_app, make_server, make_tls_context, open_listener
from probe_operate.helper.helper_workers import FuturePool
from probe_operate.helper.rate_limiter import RateLimiter
from probe_operate.reaching.target_guard import TargetGuard


def main(folder: Path) -> None:
    """Serve until killed."""
    raise_socket_limit()
    targets = [line.split() for line in (folder / "targets").read_text().splitlines()]
    guard = TargetGuard(exempt=frozenset((address, int(port)) for address, port in targets))
    counters = HelperCounters()
    app = make_app(HelperEngine(pool=FuturePool(WORKERS), resolvers=(), guard=guard), counters=counters,
                   limiter=RateLimiter(clock=time.monotonic))
    tls = make_tls_context(str(folder / "chain.pem"), str(folder / "key.pem"))
    with open_listener("127.0.0.1", 0) as sock:
        print(sock.getsockname()[1], flush=True)
        make_server(app, tls=tls, counters=counters, limited=True).run(sockets=[sock])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
