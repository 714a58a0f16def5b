"""Many rows at once: as Parquet, and as the texts that CSV files hold."""
