"""Keeps the results folder within the configured limits, and says what went."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from probe.config.settings import Settings
from probe.core.visible_text import visible
from probe.store.files.atomic import StoreError


def tidy_after_run(directory: Path, settings: Settings, latest: str = "") -> None:
    """After a run, the `latest`: closes the folder to others and removes what is past its time.

    What cannot be removed is told, and the run is no less made for it.
    """
    from probe.store.archive.private_folder import make_private

    try:
        make_private(directory)
        for line in enforce_store_limits(directory, settings, latest):
            click.echo(line, err=True)
    except (StoreError, OSError) as error:
        click.echo(f"Old results could not be removed: {visible(str(error))}", err=True)


def enforce_store_limits(directory: Path, settings: Settings, latest: str = "") -> list[str]:
    """Removes what is past the limits of `[store]` and returns what to say of it. Raises StoreError."""
    from probe.store.archive.retention import StoreLimits, enforce_limits
    from probe.upkeep.upload.upload_retention import note_waiting

    note_waiting(directory, settings)
    limits = StoreLimits(keep_days=settings.store.keep_days, quota_mb=settings.store.quota_mb)
    done = enforce_limits(directory, limits, today=datetime.now(UTC).date(), latest=latest)
    lines = []
    if done.runs:
        lines.append(f"Removed {len(done.runs)} old runs, {_mb(done.bytes)} MB, the latest {done.runs[-1]}; "
                     f"{directory / 'removed.jsonl'} names them.")
    if done.lost:
        lines.append(f"{len(done.lost)} of them were NOT uploaded yet: store.quota_mb left no room for them. Raise it, "
                     "or see why nothing is uploaded: probe status")
    if done.held:
        lines.append(f"{len(done.held)} old runs are past the limits and stay, because they are not uploaded yet; "
                     f"see {directory / 'not-uploaded.txt'}.")
    if done.over_bytes:
        lines.append(f"The results take {_mb(done.over_bytes)} MB more than store.quota_mb allows; raise it.")
    return lines


def _mb(size: int) -> str:
    return f"{size / (1 << 20):.1f}"
