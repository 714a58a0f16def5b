"""Where the expressions are computed: DuckDB or ClickHouse."""
