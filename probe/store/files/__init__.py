"""Files that appear whole or not at all, and the forms of a table: CSV, Parquet, pcapng."""
