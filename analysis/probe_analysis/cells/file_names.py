"""What the files of an analysis are called, for who writes them and who reads them."""

from pathlib import Path

CELLS_FILE = "cells.parquet"
ABOUT_FILE = "cells.json"
EVENTS_FILE = "events.jsonl"
CORRECTIONS_FILE = "corrections.jsonl"
POPULATION_FILE, POPULATION_TEXT = "population.parquet", "population.csv"
SLOWED_FILE = "slowed.json"
DAYS_FOLDER = "days"
"""Of what is kept of each day, so that it is not counted again."""


def holds_cells(directory: Path) -> bool:
    """Whether a folder is of a fleet's cells, and not of a volunteer's runs."""
    return (directory / CELLS_FILE).is_file() and not (directory / "runs").exists()
