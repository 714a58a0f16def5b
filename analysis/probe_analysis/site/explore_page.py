"""The page on which days are looked through in the browser: the numbers are in it, so it works from a folder."""

from __future__ import annotations

import json
from importlib.resources import files

from probe_analysis.site.day_lines import Counts
from probe_analysis.site.event_states import name_service
from probe_analysis.site.site_lists import name_network
from probe_analysis.site.site_shell import SiteFrame, SitePage, make_site_page
from probe_analysis.site.site_values import SiteData

_SCRIPT = "explore.js"


def make_explore_page(data: SiteData, head: SiteFrame) -> dict[str, bytes]:
    """`explore.html`, and the script beside it: a server may refuse scripts that stand in a page."""
    page = SitePage(path="explore.html", title="Explore the days",
                    about="Blocked runs by country, network and service, day by day.")
    made = make_site_page("site_explore.html", page, head, held=_hold(data), files=(
        ("daily.csv", "Every day of each network and service (CSV)"),))
    return {**made, _SCRIPT: files("probe_analysis.site").joinpath(_SCRIPT).read_bytes()}


def _hold(data: SiteData) -> str:
    """The days of each series as `n/blocked`, empty where nothing was decided; on one line, as pages show no others."""
    keys = list(data.sums)
    return json.dumps({
        "first_day": data.first_day.isoformat(), "days": data.days,
        "titles": {service: name_service(data, service) for service in dict.fromkeys(key[2] for key in keys)},
        "networks": {str(asn): name_network(data, asn) for asn in dict.fromkeys(key[1] for key in keys) if asn},
        "series": [[*key, ",".join(_pair(days.get(at)) for at in range(data.days))]
                   for key, days in data.sums.items()],
    }, separators=(",", ":"))


def _pair(counts: Counts | None) -> str:
    n = sum(counts[:3]) if counts else 0
    return f"{n}/{counts[1]}" if counts and n else ""
