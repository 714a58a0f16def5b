"""The same cells with pandas, as a careful user would count them: `pandas_cells.py RESULTS`; the peer of the benchmark.

It believes every row: nothing is checked, nothing that came twice is looked for.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

OUTCOMES = ("ok", "blocked", "down", "inconclusive", "network", "local")
ORDER = ("blocked", "down", "ok", "network", "local", "inconclusive")
FRAME = ["lab", "probe_cc", "probe_asn"]


def read(folder: Path, names: list[str]) -> pd.DataFrame:
    """One table with its hours; texts that come again and again as categories."""
    words = [name for name in names if name not in ("lab", "probe_asn", "confirmed")]
    table = pq.read_table(folder, columns=[*names, "measurement_start_time"], read_dictionary=words, partitioning=None)
    frame = table.to_pandas()
    frame["cell_start"] = frame.pop("measurement_start_time").dt.floor("h")
    return frame[frame["outcome"] != "not_attempted"]


def tally(rows: pd.DataFrame, keys: list[str], blocked: pd.DataFrame) -> pd.DataFrame:
    """Outcomes, witnesses and block types."""
    by = [*FRAME, *keys, "cell_start"]
    flags = pd.DataFrame({word: rows["outcome"] == word for word in OUTCOMES})
    groups = pd.concat([rows[by], flags], axis=1).groupby(by, observed=True)
    cells = groups.sum()
    cells["witnesses"] = rows.groupby(by, observed=True)["probe_id"].nunique()
    kinds = blocked.groupby([*by, "block_type"], observed=True).size().rename("times").reset_index()
    kinds = kinds.sort_values(["times", "block_type"], ascending=[False, True]).drop_duplicates(by).set_index(by)
    cells["block_type"] = kinds["block_type"]
    cells["n"] = cells["ok"] + cells["blocked"] + cells["down"]
    return cells.reset_index()


def main(results: Path) -> int:
    """Count, and print how many cells there are."""
    names = [*FRAME, "run_id", "probe_id", "service", "role", "outcome"]
    verdicts = read(results / "parquet" / "verdicts", [*names, "target_id", "block_type", "confirmed"])
    services = read(results / "parquet" / "services", names)
    blocked = verdicts[verdicts["outcome"] == "blocked"]
    targets = tally(verdicts, ["service", "role", "target_id"], blocked)
    roles = tally(services, ["service", "role"], blocked)
    place = services["outcome"].astype(pd.CategoricalDtype(list(ORDER), ordered=True))
    by = [*FRAME, "run_id", "probe_id", "service", "cell_start"]
    whole = services[by].assign(place=place.cat.codes).groupby(by, observed=True)["place"].min().reset_index()
    whole["outcome"] = whole["place"].map(dict(enumerate(ORDER)))
    print(len(targets) + len(roles) + len(tally(whole, ["service"], blocked)))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
