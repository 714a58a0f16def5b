"""Upload into a folder: a disk, a stick, something mounted."""

from __future__ import annotations

from pathlib import Path

from probe.config.destination import folder_of
from probe.config.settings import SettingsError
from probe.core.translation import say
from probe.store.files.atomic import StoreError, write_file
from probe.upkeep.upload.sender import UploadError


class FolderSender:
    """Writes files whole, for this user alone."""

    def __init__(self, to: str, results: Path) -> None:
        self._folder = Path(folder_of(to))
        there, here = self._folder.resolve(), results.resolve()
        if there == here or here in there.parents or there in here.parents:
            raise SettingsError(say("{folder} and {results} lie within each other; upload elsewhere",
                                    folder=self._folder, results=results))

    def put(self, name: str, content: bytes, *, timeout_s: float) -> str:
        """As `Sender.put`. The folder itself must be there: else a stick that is not, is not replaced by the disk."""
        if not self._folder.is_dir():
            raise UploadError(f"there is no folder {self._folder}: connect that disk, or make the folder")
        try:
            write_file(self._folder / name, content)
        except StoreError as error:
            raise UploadError(str(error)) from None
        return "written to the disk"
