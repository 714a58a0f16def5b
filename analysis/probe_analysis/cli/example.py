"""`probe example`: the example data that come with the program, named and copied."""

from __future__ import annotations

from pathlib import Path

import click

from probe.core.visible_text import visible
from probe.store.files.atomic import StoreError
from probe.upkeep.commands.output_option import output_option
from probe.upkeep.commands.screen import echo_lines


@click.command()
@click.argument("name", required=False)
@output_option("folder", "Folder to write; must be empty or absent. Default: NAME, here.")
def example(name: str | None, out: Path | None) -> None:
    """Copy the example NAME, to try the other commands on it; without a NAME, say which there are.

    The examples come with the program; the command fetches nothing. They are results of real runs of the probe against
    the laboratory's simulated censors. Only the example `ooni-measurements` is made up.

    \b
    Examples:
      probe example
      probe example may-2017
      probe example national-block -o ~/try
    """
    from probe_analysis.examples.example_files import MEANINGS, OONI_EXAMPLE, copy_ooni_example, unpack_example

    if name is None:
        width = max(map(len, MEANINGS))
        echo_lines(f"{one:{width}}  {meaning}" for one, meaning in MEANINGS.items())
        return
    if name not in MEANINGS:
        raise click.UsageError(f"there is no example {visible(name[:60])!r}; there are {', '.join(MEANINGS)}")
    folder = out or Path(name)
    try:
        _make_empty(folder)
        if name == OONI_EXAMPLE:
            file = copy_ooni_example(folder)
            echo_lines([f"Written: {file}", f"Next: probe import ooni {file}"])
            return
        unpack_example(name, folder)
    except StoreError as error:
        raise click.ClickException(visible(str(error))) from error
    echo_lines([f"Written: {folder} (laboratory data)", "Next:", f"  probe report {folder}",
                f"  probe show --results {folder}"])


def _make_empty(folder: Path) -> None:
    """Raises UsageError for a folder that holds something, StoreError where it cannot be made."""
    from probe.store.files.atomic import make_folder, translate_os_errors

    with translate_os_errors(folder):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise click.UsageError(f"{visible(str(folder))} holds something already; name another folder with -o")
    make_folder(folder)
