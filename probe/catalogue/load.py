"""Find, read and check the catalogue. Runs at the start of every scheduled run: small, quick, no heavy imports."""

from __future__ import annotations

import csv
import hashlib
import io
import stat
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from probe.catalogue import packaged, run_descriptor, test_lists
from probe.catalogue.row_limits import RowCounts
from probe.catalogue.target_rows import COLUMNS, parse_target_row
from probe.catalogue.types import Catalogue, CatalogueError, Problem, Service
from probe.core.endpoints import Endpoint
from probe.core.tables.run_words import CatalogueSource

MAX_BYTES = 5_000_000
FILE_NAME = "targets.csv"


def load_catalogue(path: str | None = None, *, search: bool = True) -> Catalogue:
    """The catalogue: of `path`, else `./targets.csv` (when `search`), else the one that came with the program.

    `path` may also be a list of one's own (see `lists`). A file without control targets gets those of the
    program's catalogue added, since no run can be judged without them. Raises CatalogueError for a file that
    cannot be read or holds anything wrong: a run on half a catalogue would look like censorship.
    """
    found = find_catalogue_file(path, search=search)
    source: CatalogueSource = "packaged" if found.absolute() == _find_shipped().absolute() else "own"
    return parse_catalogue(_read(found), str(found), source)


@lru_cache(maxsize=2)
def parse_catalogue(raw: bytes, path: str, source: CatalogueSource) -> Catalogue:
    """The catalogue in the bytes of such a file; `path` is where they came from. Raises CatalogueError.

    The same bytes are parsed once a process, and in those that it forks not at all.
    """
    services = packaged.load_services()
    endpoints, newest = _parse(path, _decode(path, raw), services)
    if not any(endpoint.role == "control" for endpoint in endpoints):
        shipped, _ = _parse(str(_find_shipped()), _decode(str(_find_shipped()), _read(_find_shipped())), services)
        endpoints = (*endpoints, *(endpoint for endpoint in shipped if endpoint.role == "control"))
    controls = packaged.load_controls()
    return Catalogue(
        endpoints=endpoints,
        services=services,
        controls=controls.controls,
        innocent_names=controls.innocent_names,
        expectations=packaged.load_expectations(),
        matrix_servers=packaged.load_matrix_servers(),
        path=path,
        source=source,
        version=f"{newest or 'undated'}-{hashlib.sha256(raw).hexdigest()[:12]}",
    )


def find_catalogue_file(path: str | None = None, *, search: bool = True) -> Path:
    """Where `load_catalogue` finds the catalogue; nothing is read."""
    if path is not None:
        return Path(path).expanduser()
    here = Path(FILE_NAME)
    return here.absolute() if search and here.is_file() else _find_shipped()


def list_anchor_files(catalogue_folder: Path = packaged.FOLDER) -> tuple[Path, ...]:
    """The root certificates that the program ships, sorted by name."""
    return tuple(sorted((catalogue_folder / "anchors").glob("*.pem")))


def _find_shipped() -> Path:
    """The copy inside an installed package, else the file at the root of a source tree."""
    installed = packaged.FOLDER / FILE_NAME
    return installed if installed.is_file() else packaged.FOLDER.parent.parent / FILE_NAME


def _fail(path: str, column: str, reason: str, *, line: int = 0) -> CatalogueError:
    return CatalogueError(path, (Problem(line=line, column=column, reason=reason),))


def _read(path: Path) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise _fail(str(path), "file", "is not a regular file")
        with path.open("rb") as handle:
            raw = handle.read(MAX_BYTES + 1)
    except OSError as error:
        raise _fail(str(path), "file", f"cannot be read: {error.strerror}") from None
    if len(raw) > MAX_BYTES:
        raise _fail(str(path), "file", f"is larger than {MAX_BYTES} bytes")
    return raw


def _decode(path: str, raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _fail(path, "file", "is UTF-16: save it as UTF-8")
    if b"\0" in raw:
        line = raw.count(b"\n", 0, raw.index(b"\0")) + 1
        raise _fail(path, "file", "has a NUL byte: save it as UTF-8 text", line=line)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        start = raw.rfind(b"\n", 0, error.start) + 1
        culprit = f"byte {error.start - start + 1} of the line (0x{raw[error.start]:02x})"
        reason = f"{culprit} is not UTF-8: save the file as UTF-8"
        raise _fail(path, "file", reason, line=raw.count(b"\n", 0, error.start) + 1) from None
    if not text.strip():
        raise _fail(path, "file", "is empty")
    return text


def _parse(path: str, text: str, services: Mapping[str, Service]) -> tuple[tuple[Endpoint, ...], str]:
    """The endpoints of a file and the newest date in it; raises CatalogueError."""
    problems: list[Problem]
    newest = ""
    try:
        if run_descriptor.is_descriptor(text):
            endpoints, problems = _read_descriptor(text, services)
        elif test_lists.is_plain_list(text):
            endpoints, problems = test_lists.read_plain_list(text)
        elif test_lists.is_test_list(_first_row(text)):
            endpoints, problems = test_lists.read_test_list(text)
        else:
            endpoints, problems, newest = _parse_catalogue(path, text, services)
    except csv.Error as error:
        raise _fail(path, "file", f"is no proper CSV: {error}; is a quotation mark not closed?") from None
    if not endpoints and not problems:
        problems = [Problem(line=0, column="file", reason="names no target")]
    if problems:
        raise CatalogueError(path, tuple(problems))
    return tuple(endpoints), newest


def _read_descriptor(text: str, services: Mapping[str, Service]) -> tuple[list[Endpoint], list[Problem]]:
    """What an OONI Run descriptor asks for; the targets of its messengers are those of the program's catalogue."""
    found = run_descriptor.read_descriptor(text)
    shipped: tuple[Endpoint, ...] = ()
    if found.services:
        shipped, _ = _parse(str(_find_shipped()), _decode(str(_find_shipped()), _read(_find_shipped())), services)
    wanted = (e for e in shipped if e.service in found.services and e.role != "control")
    return list({e.input: e for e in (*found.endpoints, *wanted)}.values()), list(found.problems)


def _first_row(text: str) -> list[str]:
    return next(csv.reader(io.StringIO(text.lstrip("\r\n"), newline=""), strict=True), [])


def _parse_catalogue(
    path: str, text: str, services: Mapping[str, Service]
) -> tuple[list[Endpoint], list[Problem], str]:
    endpoints: list[Endpoint] = []
    problems: list[Problem] = []
    first_line: dict[str, int] = {}
    newest, counts = "", RowCounts()
    for line, cells in _rows(path, text):
        if isinstance(cells, Problem):
            problems.append(cells)
            continue
        service = services.get(cells["service"])
        got = parse_target_row(cells, line=line, self_block=service.self_block if service else "")
        if not isinstance(got, Endpoint):
            problems.extend(got)
        elif (earlier := first_line.setdefault(got.input, line)) != line:
            problems.append(Problem(line=line, column="input", reason=f"is on line {earlier} already"))
        elif reason := counts.refuse(got):
            problems.append(Problem(line=line, column="input", reason=reason))
        else:
            endpoints.append(got)
            newest = max(newest, cells["date_added"])
    return endpoints, problems, newest


def _rows(path: str, text: str) -> Iterator[tuple[int, Mapping[str, str] | Problem]]:
    """Each row with the line it begins on; blank rows are left out. Raises CatalogueError for a bad header."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] = []
    begins = 1
    try:
        for row in reader:
            line, begins = begins, reader.line_num + 1
            if not any(cell.strip() for cell in row):
                continue
            if not header:
                header = [name.strip().lower() for name in row]
                _check_header(path, line, header)
            elif len(row) != len(header):
                reason = f"has {len(row)} cells, the header has {len(header)}: is a comma or a quotation mark missing?"
                yield line, Problem(line=line, column="row", reason=reason)
            else:
                yield line, dict(zip(header, (cell.strip() for cell in row), strict=True))
    except csv.Error as error:
        yield begins, Problem(line=begins, column="row", reason=f"{error}: is a quotation mark not closed?")


def _check_header(path: str, line: int, header: list[str]) -> None:
    if len(header) == 1 and header[0].count(";") >= len(COLUMNS) // 2:
        raise _fail(path, "header", "is separated by semicolons: save the file with commas", line=line)
    unknown = [name for name in header if name not in COLUMNS]
    if len(unknown) > len(header) // 2:
        reason = (f"neither a catalogue (its header begins {','.join(COLUMNS[:4])}) nor a list of http(s) addresses, "
                  "one a line, such as https://example.org/")
        raise _fail(path, "header", reason, line=line)
    wrong = [(name, "this column is missing") for name in COLUMNS if name not in header]
    wrong += [(name or "header", "is no column of the catalogue") for name in unknown]
    wrong += [(name, "this column is there twice") for name in sorted({n for n in header if header.count(n) > 1})]
    if wrong:
        raise CatalogueError(path, tuple(Problem(line=line, column=name, reason=reason) for name, reason in wrong))
