"""Whether the times of a service were examined on a network, and against what: sums of what is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from probe_analysis.times.time_sketch import find_seconds

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True, kw_only=True)
class ExaminedTimes:
    """Handshakes of one service on one network, in the days that are kept."""

    cc: str
    asn: int
    service: str
    n: int
    typical_s: float
    """The geometric mean."""
    others_n: int
    others_names: int
    """Other names of the network, and their handshakes."""
    beside_names: int
    """Names that stand in a prefix of the service's, beside one of its own."""
    elsewhere_networks: int
    """Other networks of the country on which its names were timed."""


_EXAMINED = """
WITH shakes AS (SELECT * FROM times WHERE step = 1),
    own AS (SELECT cc, asn, service, sum(n)::BIGINT AS n, sum(bin * n) / sum(n) AS typical,
        list(DISTINCT name) AS names, list(DISTINCT prefix) AS prefixes FROM shakes WHERE service <> '' GROUP BY ALL),
    whole AS (SELECT cc, asn, name, prefix, sum(n)::BIGINT AS n FROM shakes GROUP BY ALL),
    places AS (SELECT cc, service, count(*) AS networks FROM own GROUP BY ALL)
SELECT own.cc, own.asn, own.service, any_value(own.n), any_value(typical),
    coalesce(sum(whole.n) FILTER (NOT list_contains(names, whole.name)), 0)::BIGINT,
    count(DISTINCT whole.name) FILTER (NOT list_contains(names, whole.name)),
    greatest(0, count(DISTINCT whole.name) FILTER (list_contains(prefixes, whole.prefix)) - 1),
    any_value(networks) - 1
FROM own JOIN places USING (cc, service) JOIN whole ON whole.cc = own.cc AND whole.asn = own.asn
GROUP BY own.cc, own.asn, own.service ORDER BY own.cc, own.asn, own.service
"""


def read_examined(connection: duckdb.DuckDBPyConnection) -> Iterator[ExaminedTimes]:
    """What `times` (`time_files.open_times`) holds of each service on each network."""
    for cc, asn, service, n, typical, others_n, others, beside, elsewhere in connection.sql(_EXAMINED).fetchall():
        yield ExaminedTimes(cc=cc, asn=asn, service=service, n=n, typical_s=round(find_seconds(typical), 3),
                            others_n=others_n, others_names=others, beside_names=beside, elsewhere_networks=elsewhere)
