"""Make the notebooks of docs/notebooks: results from the laboratory, cells run one after the other, outputs kept.

`python tools/notebooks.py [--results FOLDER]`: FOLDER/may-2017 and FOLDER/telegram-partial are used where they are
there, and made where not (four minutes). Needs the extras `lab` and `research`, and no Jupyter.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import io
import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]
FOLDER = ROOT / "docs" / "notebooks"
PLACE = "PROBE_RESULTS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notebook:
    """Texts and programs in turn, and how their results are made."""

    cells: tuple[tuple[str, str], ...]
    """(markdown or code, its lines)."""
    make: Callable[[Path], None]


def made_may(folder: Path) -> None:
    """The time-lapse of `probe demo`."""
    _lapse(folder, seed=2017)


def made_telegram(folder: Path) -> None:
    """A day on which four of six addresses are dropped from 08:00 to 16:00."""
    from probe_lab.timelapse import TimelapseSlot

    day = datetime(2026, 3, 10, tzinfo=UTC)
    slots = [TimelapseSlot(at=day + timedelta(hours=hour, minutes=7), blocked=8 <= hour < 16)
             for hour in range(0, 24, 2)]
    _lapse(folder, seed=3, scenario="telegram-dcs", schedule=slots)


def _lapse(folder: Path, **options: Any) -> None:
    from probe.catalogue.load import load_catalogue
    from probe_lab.timelapse import run_timelapse

    run_timelapse(load_catalogue(search=False), folder, jobs=2, progress=lambda done, total: print(f"{done}/{total}"),
                  **options)


_OPEN = f"""\
import os
import pandas as pd
import probe

results = probe.open_results(os.environ.get("{PLACE}", "%s"), lab=True)
cells = results.cells()
runs = results.runs()
print(len(runs), "runs,", len(cells), "cells, left out:", dict(results.summary.rejected))
runs[["measurement_start_time", "probe_cc", "probe_asn", "outcome", "n_targets", "n_attempted"]].head()"""

NOTEBOOKS: Mapping[str, Notebook] = {
    "may-2017": Notebook(make=made_may, cells=(
        ("markdown", """\
# WeChat in Russia, May 2017, in the laboratory

`probe demo` makes scheduled runs in a closed internet, some of them behind a censor that does to WeChat what Russia did
from 4 to 11 May 2017. Dates are shifted, connections are real. This notebook reads the results that it wrote, in
`results/demo`. All rows are marked `lab`, so they must be asked for: `lab=True`."""),
        ("code", _OPEN % "results/demo"),
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
        ("code", """\
letters = days["blocked"].gt(0).map({True: "#", False: "."}).unstack("day")
for service, row in letters.fillna(" ").iterrows():
    print(f"{service:<12}", "".join(row))"""),
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
    )),
    "telegram-partial": Notebook(make=made_telegram, cells=(
        ("markdown", """\
# Telegram, partially blocked

Telegram's data centres have several addresses. In the laboratory's scenario `telegram-dcs` a censor drops four of six
of them, here from 08:00 to 16:00. Is Telegram blocked then? It depends on the level that one looks at."""),
        ("code", _OPEN % "results/telegram-partial"),
        ("markdown", "## Targets: each data centre by itself"),
        ("code", """\
chat = cells[(cells["service"] == "telegram") & (cells["role"] == "chat") & (cells["level"] == "target")]
hours = chat.assign(state=chat["blocked"].astype(str) + "/" + chat["n"].astype(str))
hours.pivot(index="target_id", columns="cell_start", values="state").rename(columns=lambda t: f"{t:%H}").fillna("")"""),
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
        ("markdown", """\
One witness a cell: that is the normal case, and why one blocked hour is suspected and not known. `probe analyse` waits
for more before it calls this an event."""),
    )),
}


def run(cells: Sequence[tuple[str, str]], results: Path) -> list[dict[str, Any]]:
    """The cells in the notebook format, with outputs of those that are programs. Raises what a program raises."""
    space: dict[str, Any] = {"__name__": "__main__"}
    done: list[dict[str, Any]] = []
    before = os.environ.get(PLACE)
    os.environ[PLACE] = str(results)
    try:
        for number, (kind, text) in enumerate(cells):
            cell: dict[str, Any] = {"cell_type": kind, "id": f"cell-{number}", "metadata": {},
                                    "source": text.splitlines(keepends=True)}
            if kind == "code":
                count = sum(each["cell_type"] == "code" for each in done) + 1
                cell |= {"execution_count": count, "outputs": _outputs(text, space, count)}
            done.append(cell)
    finally:
        if before is None:
            del os.environ[PLACE]
        else:
            os.environ[PLACE] = before
    return done


def _outputs(text: str, space: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """What a program prints, and the value of its last line."""
    tree = ast.parse(text)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed, value = io.StringIO(), None
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, "<cell>", "exec"), space)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), space)
    outputs: list[dict[str, Any]] = []
    if printed.getvalue():
        lines = printed.getvalue().splitlines(keepends=True)
        outputs.append({"output_type": "stream", "name": "stdout", "text": lines})
    if value is not None:
        data = {"text/plain": repr(value).splitlines(keepends=True)}
        if hasattr(value, "_repr_html_"):
            data["text/html"] = str(value._repr_html_()).splitlines(keepends=True)
        outputs.append({"output_type": "execute_result", "execution_count": count, "metadata": {}, "data": data})
    return outputs


def document(cells: list[dict[str, Any]]) -> str:
    """The file of a notebook (nbformat 4.5)."""
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
              "language_info": {"name": "python"}}
    return json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}, indent=1) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Make every notebook, or the one that is named."""
    parser = argparse.ArgumentParser(description="Make the notebooks of docs/notebooks.")
    parser.add_argument("--results", type=Path, help="folder in which results are kept for the next time")
    parser.add_argument("--only", choices=tuple(NOTEBOOKS), help="make only this one")
    options = parser.parse_args(arguments)
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        for name in [options.only] if options.only else NOTEBOOKS:
            results = (options.results or Path(temporary)) / name
            if not results.is_dir():
                results.mkdir(parents=True)
                NOTEBOOKS[name].make(results)
            (FOLDER / f"{name}.ipynb").write_text(document(run(NOTEBOOKS[name].cells, results)), encoding="utf-8")
            print(f"wrote docs/notebooks/{name}.ipynb")
    return 0


if __name__ == "__main__":
    sys.exit(main())
