"""From what is kept of days to suspicions of services that are slowed, as rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from probe.judge.common.planned_looks import find_interval
from probe_analysis.slowed.slowed_services import QuarterTally, SlowedService, Tally, find_slowed
from probe_analysis.tables.day_numbers import find_day

if TYPE_CHECKING:
    from probe_analysis.population.kept_hours import KeptHours

MOST_DAYS = 60
"""So many of the latest days are looked at."""
Row = Mapping[str, Any]


def list_slowed(kept: KeptHours) -> list[Row]:
    """The suspicions in what is kept of days, with the columns of `make_rows`."""
    return make_rows(find_slowed(list_tallies(kept)))


def list_tallies(kept: KeptHours) -> list[QuarterTally]:
    """What was counted of the latest days that are kept."""
    import pyarrow.parquet as pq

    paths = [kept.path(day, "planned") for day in sorted(kept.days)[-MOST_DAYS:]]
    return [_make_tally(row) for path in paths for row in pq.read_table(path, partitioning=None).to_pylist()]


def _make_tally(row: Row) -> QuarterTally:
    names = ("made", "troubled", "beside", "beside_troubled", "probes")
    return QuarterTally(network=(row["cc"], row["asn"]), service=row["service"], quarter=row["quarter"],
                        counted=Tally(**{name: int(row[name]) for name in names}), fresh=row["fresh"])


def make_rows(found: Iterable[SlowedService]) -> list[Row]:
    """Columns: probe_cc, probe_asn, service, first_day, last_day, onset (whether a day without trouble came before), n,
    troubled, low and high (of the share in trouble, with 95 %), witnesses (the most probes in six hours), others_n,
    others_troubled, elsewhere_n, elsewhere_troubled, beside_n, beside_troubled, by_name, not_ruled_out.
    """
    return [{
        "probe_cc": one.network[0], "probe_asn": one.network[1], "service": one.service,
        "first_day": find_day(one.first_day).isoformat(), "last_day": find_day(one.last_day).isoformat(),
        "onset": one.has_onset, **describe_tally(one.own), "others_n": one.others.made,
        "others_troubled": one.others.troubled, "elsewhere_n": one.elsewhere.made,
        "elsewhere_troubled": one.elsewhere.troubled, "by_name": one.by_name,
        "not_ruled_out": list(one.not_ruled_out),
    } for one in found]


def describe_tally(counted: Tally) -> Row:
    """Planned connections and the share in trouble, with its interval, as columns."""
    low, high = find_interval(min(counted.troubled, counted.made), counted.made)
    return {"n": counted.made, "troubled": counted.troubled, "low": round(low, 4), "high": round(high, 4),
            "witnesses": counted.probes, "beside_n": counted.beside, "beside_troubled": counted.beside_troubled}


def describe_slowed(row: Row) -> str:
    """In a sentence; text of others is for the caller to neutralise."""
    name = " The name matters: innocent ones at its addresses are spared." if row["by_name"] else ""
    open_ = f" Not ruled out: {', '.join(row['not_ruled_out'])}." if row["not_ruled_out"] else ""
    share = f"{row['low']:.0%} to {row['high']:.0%} of all, with 95 %"
    return (f"Suspected to be slowed: {row['service']} in {row['probe_cc']}-AS{row['probe_asn']}, "
            f"{row['first_day']} to {row['last_day']}: {row['troubled']} of {row['n']} planned connections failed or "
            f"lost something ({share}), of other services' {row['others_troubled']} of {row['others_n']}, of its own "
            f"in other countries {row['elsewhere_troubled']} of {row['elsewhere_n']}.{name}{open_}")
