"""Marks of a made-up volunteer, and where they stand in bytes: in whatever form, and however they are packed."""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import ipaddress
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

MarkKind = Literal["user", "host", "home", "zone", "network_name", "address", "card", "resolver"]
"""What gives the person away; card: the hardware address of a network card."""
_DEPTH = 4
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{24,}={0,2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something that stands nowhere else in the world."""

    kind: MarkKind
    text: str

    @property
    def forms(self) -> frozenset[bytes]:
        """Bytes that tell it, in lower case where letters are not packed."""
        raw = {self.text.encode()}
        if self.kind in ("address", "resolver"):
            address = ipaddress.ip_address(self.text)
            raw |= {address.exploded.encode(), address.packed, str(int(address)).encode(),
                    address.reverse_pointer.encode(), self.text.replace(".", "-").encode()}
        if self.kind == "card":
            raw |= {self.text.replace(":", sep).encode() for sep in ("-", "", ".")} | {
                bytes.fromhex(self.text.replace(":", ""))}
        written = {one for one in raw if len(one) >= 4}
        spelt = {form for one in written for form in _spell(one)}
        return frozenset(written | spelt | {self.text.encode("utf-16-le"), self.text.encode("utf-16-be")})


def _spell(raw: bytes) -> Iterator[bytes]:
    yield raw.hex().encode()
    yield "".join(f"%{byte:02x}" for byte in raw).encode()
    yield "".join(rf"\x{byte:02x}" for byte in raw).encode()
    if raw.isascii():
        yield quote(raw, safe="").lower().encode()
    if len(raw) < 6 or len(set(raw)) < 5:  # once its ends are cut, nothing is left that chance would not make as well
        return
    for shift in range(3):  # what comes before and after changes the letters at both ends
        text = base64.b64encode(bytes(shift) + raw).rstrip(b"=")
        cut = text[(0, 2, 3)[shift]:len(text) - (1 if (shift + len(raw)) % 3 else 0)]
        yield cut
        yield cut.replace(b"+", b"-").replace(b"/", b"_")


def find_marks(data: bytes, marks: Iterable[Mark]) -> dict[Mark, bytes]:
    """Which marks stand in the bytes, or in what is packed in them, and in which form."""
    found: dict[Mark, bytes] = {}
    forms: Mapping[Mark, frozenset[bytes]] = {mark: mark.forms for mark in marks}
    for layer in unpack(data):
        lower = layer.lower()
        for mark, known in forms.items():
            if form := next((one for one in known if one in layer or one in lower), None):
                found[mark] = form
    return found


def unpack(data: bytes, depth: int = _DEPTH) -> Iterator[bytes]:
    """The bytes, and all that is packed in them: gzip, zlib, zstd, zip, Parquet, and base64 of any."""
    yield data
    if not depth:
        return
    for inner in (*_packed(data), *_of_base64(data)):
        yield from unpack(inner, depth - 1)


def _packed(data: bytes) -> Iterator[bytes]:
    if data.startswith(b"\x1f\x8b"):
        yield gzip.decompress(data)
    elif data.startswith(b"\x28\xb5\x2f\xfd"):
        yield pa.CompressedInputStream(pa.BufferReader(data), "zstd").read()
    elif data.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield from map(archive.read, archive.namelist())
    elif data.startswith(b"PAR1"):
        file = pq.ParquetFile(io.BytesIO(data))
        yield repr(file.read().to_pylist()).encode() + repr(file.metadata.metadata).encode()
    elif data[:1] == b"\x78":
        try:
            yield zlib.decompress(data)
        except zlib.error:
            return


def _of_base64(data: bytes) -> Iterator[bytes]:
    for run in _BASE64.findall(data):
        try:
            yield base64.b64decode(run.replace(b"-", b"+").replace(b"_", b"/") + b"==")
        except binascii.Error:
            continue


def search_folder(folder: Path, marks: Iterable[Mark]) -> list[str]:
    """`file: kind as form` for each mark in a file, or in a file's name, below the folder."""
    marks, found = tuple(marks), []
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        hits = find_marks(name.encode(), marks) | (find_marks(path.read_bytes(), marks) if path.is_file() else {})
        found += [f"{name}: {mark.kind} as {form!r}" for mark, form in hits.items()]
    return found
