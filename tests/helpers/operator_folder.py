"""An operator's folder, made by the command."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from click.testing import CliRunner, Result

from probe.cli.main import cli
from probe_operate.services.list_publishing import publish_list
from probe_operate.services.operator_choices import OperatorFolder, find_folder
from project_root import ROOT

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def init(root: Path, *said: str) -> Result:
    """What `probe operate init` says."""
    return CliRunner().invoke(cli, ["operate", "init", str(root), *said], catch_exceptions=False)


def make_operator_folder(root: Path) -> OperatorFolder:
    """A folder without a sheet for volunteers."""
    assert init(root, "--host", "probe.example.org").exit_code == 1
    return find_folder(root)


def publish(folder: OperatorFolder, *, later: timedelta = timedelta()) -> str:
    """What the step `list` does at a time; it says what it did."""
    return publish_list(folder, folder.keys, targets=(ROOT / "targets.csv").read_text(encoding="utf-8-sig"),
                        now=NOW + later)
