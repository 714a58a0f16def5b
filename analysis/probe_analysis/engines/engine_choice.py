"""Where the expressions are computed: DuckDB in this process, or a ClickHouse server."""

from __future__ import annotations

from pathlib import Path

from probe.config.install_advice import advise_extra
from probe.store.files.atomic import StoreError
from probe_analysis.engines.duckdb_engine import DuckDB
from probe_analysis.engines.engine import AnalysisEngine


def choose_engine(name: str, *, url: str = "", memory_mb: int = 2500, threads: int = 0,
                  temporary: Path | None = None) -> AnalysisEngine:
    """The engine of that name: `duckdb` or `clickhouse`. Raises StoreError where it cannot be had."""
    computing = DuckDB(memory_mb=memory_mb, threads=threads, temporary=temporary)
    if name != "clickhouse":
        return computing
    try:
        from probe_analysis.engines.clickhouse import ClickHouse

        return ClickHouse(url, computing)
    except ImportError as error:
        raise StoreError(f"{name} needs the extra `{name}`: {advise_extra(name, distribution='reachability-analysis')} "
                         f"({error.name} is missing)") from error
