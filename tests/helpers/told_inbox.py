"""An inbox that tells from where uploads came: signed runs, packed as they are sent, and what is written of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from probe.config.month_key import MonthKey, make_month_key
from probe.core.runs import RunResult
from probe.store.runs.run_writer import write_run
from probe.upkeep.upload.parcel import pack_run
from probe_operate.collect.remote_runs import RemoteFile
from probe_operate.collect.upload_origins import UploadOrigin, digest_upload, format_origin, name_day_file
from signed_runs import named


def key_of(name: str) -> MonthKey:
    """The key of a volunteer in these tests."""
    return make_month_key(sha256(name.encode()).digest())


def word_of(prefix: str) -> str:
    """A word for a prefix, as the service would make it."""
    return sha256(prefix.encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderInbox:
    """A folder, read as an inbox that lies elsewhere is."""

    root: Path
    place: str = "https://inbox.example/in"
    unlisted: tuple[str, ...] = ()

    def list_files(self) -> Iterator[RemoteFile]:
        """Everything in it."""
        for path in self.root.rglob("*"):
            if path.is_file():
                yield RemoteFile(name=path.relative_to(self.root).as_posix(), bytes=path.stat().st_size, tag="1")

    def fetch(self, name: str, into: BinaryIO, *, most: int) -> int:
        """A file's content."""
        return into.write((self.root / name).read_bytes()[:most])


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldInbox:
    """Two folders: of uploads, and of where they came from."""

    root: Path

    @property
    def uploads(self) -> Path:
        """What volunteers sent."""
        return self.root / "inbox"

    @property
    def origins(self) -> Path:
        """What the service wrote."""
        return self.root / "origins"

    def send(self, result: RunResult, who: str, day: date, *, asn: int | None = 64500, cc: str = "RU",
             prefix: str = "home", as_file: bool = False,
             seal: Callable[[str, bytes], tuple[str, bytes]] | None = None) -> None:
        """A run of a volunteer that comes on a day from a network; None: nobody wrote down from which. `as_file`: as a
        plain results folder, not as an archive; `seal`: how an archive is sealed."""
        key = key_of(who)
        result = named(result, key=key)
        made = self.root / "made" / result.run.run_id
        write_run(result, made, parquet=False, signer=key)
        [run] = (made / "runs").rglob("*.csv")
        if as_file:
            write_run(result, self.uploads / key.name, parquet=False, signer=key)
            upload = f"{key.name}/{run.relative_to(made).as_posix()}"
        else:
            parcel = pack_run(made, run.parent.name.removeprefix("date="), result.run.run_id)
            upload, content = seal(parcel.name, parcel.content) if seal else (parcel.name, parcel.content)
            path = self.uploads / upload
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        self.origins.mkdir(parents=True, exist_ok=True)
        if asn is not None:
            with (self.origins / name_day_file(day)).open("a") as file:
                file.write(format_origin(digest_upload(upload), f"{day}T12",
                                         UploadOrigin(asn=asn, cc=cc, prefix=word_of(prefix))))


def claiming(result: RunResult, run_id: str, *, asn: int = 64500, cc: str = "RU", start: str = "") -> RunResult:
    """The run under another id, in the network that it names."""
    run = result.run
    vantage = replace(run.vantage, probe_asn=asn, probe_cc=cc)
    return replace(result, run=replace(run, run_id=run_id, vantage=vantage,
                                       measurement_start_time=start or run.measurement_start_time))
