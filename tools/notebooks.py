"""Make the notebooks of docs/notebooks: each runs in a real Jupyter kernel, and its outputs are kept.

`python tools/notebooks.py [--only NAME]`. Needs the analysis with its extra `notebooks`. The data come along.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]
FOLDER = ROOT / "docs" / "notebooks"
CELL_TIMEOUT_S = 240
Cells = tuple[tuple[str, str], ...]
"""(markdown or code, its lines)."""

_OPEN = """\
import pandas as pd
import probe

results = probe.open_example("%s")  # results of your own: probe.open_results("results")
cells = results.cells()
runs = results.runs()
print(len(runs), "runs,", len(cells), "cells, left out:", dict(results.summary.rejected))
runs[["measurement_start_time", "probe_cc", "probe_asn", "outcome", "n_targets", "n_attempted"]].head()"""

NOTEBOOKS: Mapping[str, Cells] = {
    "may-2017": (
        ("markdown", """\
# WeChat in Russia, May 2017, in the laboratory

`probe demo` makes scheduled runs in a closed internet, some of them behind a censor that does to WeChat what Russia did
from 4 to 11 May 2017. Dates are shifted, connections are real. This notebook reads such results, which come with the
package; for those of a demo of your own say `probe.open_results("results/demo", lab=True)`."""),
        ("code", _OPEN % "may-2017"),
        ("markdown", """\
## Which services, on which days?

Counts first: blocked and decided runs. A day without a run would have no row, and a share is given only where `n` is
not too small to say anything."""),
        ("code", """\
services = cells[cells["level"] == "service"]
day = services["cell_start"].dt.floor("D").rename("day")
days = services.groupby(["service", day])[["blocked", "n", "inconclusive"]].sum()
days["share"] = (days["blocked"] / days["n"]).where(days["n"] >= 2)
days[days["blocked"] > 0]"""),
        ("code", "results.charts.draw_services()"),
        ("code", 'results.charts.draw_service("wechat")'),
        ("markdown", """\
## By what, and when exactly?

The onset lies between the last run that found a target well and the first that found it blocked: no better is
known."""),
        ("code", """\
targets = cells[(cells["level"] == "target") & (cells["n"] > 0)].sort_values("cell_start")

def bracket(rows):
    blocked = rows[rows["blocked"] > 0]
    first, last = blocked["cell_start"].iloc[0], blocked["cell_start"].iloc[-1]
    before = rows[(rows["cell_start"] < first) & (rows["ok"] > 0)]["cell_start"]
    after = rows[(rows["cell_start"] > last) & (rows["ok"] > 0)]["cell_start"]
    return pd.Series({"ok_until": before.iloc[-1] if len(before) else pd.NaT, "blocked_from": first,
                      "blocked_until": last, "ok_from": after.iloc[0] if len(after) else pd.NaT,
                      "block_type": blocked["block_type"].mode().iloc[0], "confirmed": blocked["confirmed"].sum()})

ever = targets.groupby("target_id")["blocked"].sum()
pd.DataFrame({name: bracket(targets[targets["target_id"] == name]) for name in ever[ever > 0].index}).T"""),
        ("markdown", """\
## The evidence behind one verdict

A verdict names the observations that it rests on. ibis reads only what is asked for."""),
        ("code", """\
verdicts = results.table("verdicts")
first = verdicts.filter(verdicts.outcome == "blocked").order_by("measurement_start_time").limit(1)
one = first.to_pyarrow().to_pylist()
seen = results.table("observations")
evidence = seen.filter(seen.observation_id.isin(one[0]["evidence"] if one else [""]))
print(one[0]["target_id"], one[0]["rule_id"], one[0]["control"]) if one else None
evidence.select("purpose", "operation", "attempt", "failure", "t_s", "port").to_pyarrow().to_pandas()"""),
    ),
    "telegram-partial": (
        ("markdown", """\
# Telegram, partially blocked

Telegram's data centres have several addresses. In the laboratory's scenario `telegram-dcs` a censor drops four of six
of them, here from 08:00 to 16:00. Is Telegram blocked then? It depends on the level that one looks at."""),
        ("code", _OPEN % "telegram-partial"),
        ("markdown", "## Targets: each data centre by itself"),
        ("code", """\
chat = cells[(cells["service"] == "telegram") & (cells["role"] == "chat") & (cells["level"] == "target")]
hours = chat.assign(state=chat["blocked"].astype(str) + "/" + chat["n"].astype(str))
hours.pivot(index="target_id", columns="cell_start", values="state").rename(columns=lambda t: f"{t:%H}").fillna("")"""),
        ("code", 'results.charts.draw_targets("telegram")'),
        ("markdown", """\
## The role: k of n

A role is blocked when fewer targets answer than its quorum, or without a quorum when most decided ones are blocked.
`partial` tells that others answered: here one of five, so an application that tries them all may still get through. A
single yes or no would hide that."""),
        ("code", """\
roles = results.services()
roles[(roles["service"] == "telegram") & (roles["role"] == "chat")][
    ["measurement_start_time", "outcome", "k", "n", "partial", "block_types"]
].sort_values("measurement_start_time")"""),
        ("markdown", "## The service, hour by hour, with its denominators"),
        ("code", """\
cells[(cells["service"] == "telegram") & (cells["level"] != "target")][
    ["level", "role", "cell_start", "n", "ok", "blocked", "inconclusive", "witnesses", "block_type"]
].sort_values(["level", "cell_start"])"""),
        ("code", 'results.charts.draw_service("telegram")'),
        ("markdown", """\
One witness a cell: that is the normal case, and why one blocked hour is suspected and not known. `probe analyse` waits
for more before it calls this an event."""),
    ),
    "ooni-judged": (
        ("markdown", """\
# OONI's files, judged by our rules

The file of this notebook comes with the package. It was made up, after OONI's specifications: three days of Telegram's
and Signal's tests and of a web page on one network. On the second day all three fail. For files of OONI's archive put
their names in the place of `file`."""),
        ("code", """\
import json, subprocess, sys, tempfile
from pathlib import Path
import probe
from probe_analysis.examples.example_files import copy_ooni_example

folder = Path(tempfile.mkdtemp())
file = copy_ooni_example(folder)
command = [sys.executable, "-m", "probe", "import", "ooni", str(file), "-o", str(folder / "judged"), "--json"]
json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)["verdicts"]"""),
        ("code", """\
results = probe.open_results(folder / "judged")
results.charts.draw_targets("signal")"""),
        ("markdown", """\
## Their word and ours

OONI's test says `blocked` of each failure. Ours stays `inconclusive` while a single network alone speaks of it and
nothing shows where the connection was lost; the rule says what is lacking."""),
        ("code", """\
verdicts = results.verdicts()
verdicts["ooni"] = verdicts["theirs"].map(lambda told: told[0].rpartition(" ")[2] if len(told) else "")
verdicts.groupby(["service", "ooni", "outcome", "block_type", "rule_id"]).size().rename("verdicts").to_frame()"""),
        ("code", """\
day = verdicts["measurement_start_time"].dt.floor("D").rename("day")
verdicts.groupby([day, "service"])["outcome"].value_counts().unstack(fill_value=0)"""),
        ("markdown", """\
Import files of several networks of the country into the same folder, and `probe analyse` judges them together: the next
notebook, [a national block](national-block.ipynb), shows it."""),
    ),
    "national-block": (
        ("markdown", """\
# A national block, seen without a helper

Nobody here has a helper, a control outside the country. In the laboratory a volunteer in each of seven networks of two
countries makes five runs. Between 12:00 and the next morning a censor resets connections that name one service, in one
country alone."""),
        ("code", _OPEN % "national-block"),
        ("markdown", """\
## What single runs say

A run that sees a service fail, and has nobody to ask whether it works elsewhere, leaves it open."""),
        ("code", """\
verdicts = results.verdicts()
verdicts.groupby(["probe_cc", "outcome", "block_type"]).size().rename("verdicts").to_frame()"""),
        ("code", """\
left_open = verdicts[verdicts["outcome"] != "ok"]
service = left_open["service"].value_counts().index[0]
results.charts.draw_networks(service)"""),
        ("markdown", """\
## What they say together

`probe analyse` judges the probes of each network with the other networks and countries in the same hours as the
control. Here is the same from Python."""),
        ("code", """\
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from probe_analysis.cells.file_names import POPULATION_FILE
from probe_analysis.population.population_files import write_population

folder = Path(tempfile.mkdtemp())
done = write_population(results.path, folder, now=datetime.now(UTC), lab=True, memory_mb=400, threads=1)
population = pd.read_parquet(folder / POPULATION_FILE)
population.loc[population["service"] == service,
               ["probe_cc", "probe_asn", "served_until", "onset", "outcome", "suspected", "rule_id", "networks_alike",
                "countries_served", "not_excluded"]]"""),
        ("code", 'population.loc[population["service"] == service, "reason"].unique().tolist()'),
        ("markdown", """\
Five networks fail alike, from the same hours on, while the other country is served. That is a suspicion with a
mechanism and an onset, and no more: `not_excluded` says that the service itself may refuse this country. Helpers, a
capture of the reset, or a second company's service that fails alike would decide it."""),
    ),
}


def run(cells: Sequence[tuple[str, str]], folder: Path) -> Any:
    """The notebook after a kernel of this Python ran its programs in a folder. Raises what nbclient does of a program
    that fails."""
    import nbformat
    from nbclient import NotebookClient

    made = nbformat.v4.new_notebook(metadata={
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}})
    for number, (kind, text) in enumerate(cells):
        cell = getattr(nbformat.v4, f"new_{kind}_cell")(text)
        cell["id"] = f"cell-{number}"
        made.cells.append(cell)
    NotebookClient(made, timeout=CELL_TIMEOUT_S, kernel_name="python3", record_timing=False,
                   resources={"metadata": {"path": str(folder)}}).execute()
    made.metadata["language_info"] = {"name": "python"}
    nbformat.validate(made)
    return made


def write(name: str, folder: Path) -> None:
    """Runs a notebook in a folder and puts it into docs/notebooks."""
    import nbformat

    text = nbformat.writes(run(NOTEBOOKS[name], folder))
    (FOLDER / f"{name}.ipynb").write_text(text + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Make every notebook, or the one that is named."""
    parser = argparse.ArgumentParser(description="Make the notebooks of docs/notebooks.")
    parser.add_argument("--only", choices=tuple(NOTEBOOKS), help="make only this one")
    options = parser.parse_args(arguments)
    FOLDER.mkdir(exist_ok=True)
    for name in [options.only] if options.only else NOTEBOOKS:
        write(name, ROOT)
        print(f"wrote docs/notebooks/{name}.ipynb")
    return 0


if __name__ == "__main__":
    sys.exit(main())
