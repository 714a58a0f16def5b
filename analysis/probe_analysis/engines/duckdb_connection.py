"""A DuckDB of this process, within bounds, and what its SQL and its errors need; whatever asks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


def open_duckdb(*, memory_mb: int, threads: int, folder: str) -> duckdb.DuckDBPyConnection:
    """`folder` takes what does not fit the memory. Nothing is fetched: extensions come with the package or not at all.
    """
    import duckdb

    connection = duckdb.connect(config={
        "autoinstall_known_extensions": "false", "autoload_known_extensions": "false",
        "memory_limit": f"{memory_mb}MB", "threads": str(threads), "temp_directory": folder,
        "preserve_insertion_order": "false",
    })
    connection.execute("SET TimeZone = 'UTC'")
    # It is off by default; in Jupyter already turning it off takes ipywidgets.
    if connection.sql("SELECT current_setting('enable_progress_bar')").fetchall() == [(True,)]:
        connection.execute("SET enable_progress_bar = false")
    return connection


def quote_sql(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def first_error_line(error: Exception) -> str:
    """What an error says, without the query that follows."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
