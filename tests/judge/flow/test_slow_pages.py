"""Pages that take long beside others', once and each time."""

from __future__ import annotations

import pytest

from probe.catalogue.sites import group_sites
from probe.core.observations import Observation
from probe.judge.flow.slow_pages import SlowPages, find_slow_pages
from recorded_runs import CHAT, Service, connection

OTHERS = tuple(Service(name=f"s{n}", host=f"www.s{n}.example", address=f"93.184.{n}.34") for n in range(5))


def pages(service: Service, *took_ms: float) -> list[Observation]:
    return [o for n, ms in enumerate(took_ms, 1)
            for o in connection(20.0 * n, service, attempt=n, last="http_round_trip", end_ms=ms)]


@pytest.mark.parametrize(("mine", "others_ms", "found"), [
    ((3000, 3000, 3000), 90, SlowPages(made=3, slow=3)), ((3000, 90, 90), 90, SlowPages(made=3, slow=1)),
    ((3000,), 90, SlowPages(made=1, slow=1)), ((90, 90, 90), 90, None), ((3000, 3000, 3000), 2500, None),
])
def test_only_what_stands_out_each_time_is_shown(mine: tuple[float, ...], others_ms: float,
                                                 found: SlowPages | None) -> None:
    sites = {site.host: site for site in group_sites([CHAT.endpoint, *(s.endpoint for s in OTHERS)])}
    rows = {CHAT.host: pages(CHAT, *mine), **{s.host: pages(s, others_ms) for s in OTHERS}}
    got = find_slow_pages((sites[host], seen) for host, seen in rows.items())
    assert got.get((CHAT.host, CHAT.port, CHAT.address)) == found
    assert set(got) <= {(CHAT.host, CHAT.port, CHAT.address)}
    assert found is None or found.is_shown == (found.slow == 3)
