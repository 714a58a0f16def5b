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
    try:
        if name == "clickhouse":
            from probe_analysis.engines.clickhouse import ClickHouse

            return ClickHouse(url, DuckDB(memory_mb=memory_mb, threads=threads, temporary=temporary))
        return DuckDB(memory_mb=memory_mb, threads=threads, temporary=temporary)
    except ImportError as error:
        extra = {"duckdb": "research"}.get(name, name)
        raise StoreError(f"{name} needs the extra `{extra}`: {advise_extra(extra)} "
                         f"({error.name} is missing)") from error
