"""One run as one compressed file, as uploads send it (a tar archive in gzip).

`tar xzf RUN.tgz` makes a results folder of it, whose checksums `sha256sum -c` reads.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Mapping

from probe.store.files.atomic import StoreError
from probe.store.files.csv_files import MAX_FILE_BYTES

MAX_UNPACKED_BYTES = MAX_FILE_BYTES
"""Of everything in an archive together, headers included; a run takes a few megabytes."""


def pack_files(files: Mapping[str, bytes]) -> bytes:
    """Name -> content, as an archive: of the same files always the same bytes. Nobody's name and no time are in it.

    Raises StoreError for more than an inbox would take.
    """
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.mode = 0o600
            archive.addfile(member, io.BytesIO(content))
    if packed.tell() > MAX_UNPACKED_BYTES:
        raise StoreError(f"{min(files)}: more than {MAX_UNPACKED_BYTES >> 20} MiB with the other tables of its run, "
                         "which none of ours is")
    return gzip.compress(packed.getvalue(), mtime=0)
