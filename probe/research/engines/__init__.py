"""Where the expressions are computed: DuckDB, Spark or ClickHouse."""
