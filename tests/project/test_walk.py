"""The walk from the wire to the row (`docs/from-the-wire-to-the-row.md`) is the way that a reset really takes."""

from __future__ import annotations

import importlib
import re
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import CodeType, FrameType
from typing import cast

import pytest

from loopback import finish, going_to, seen_of, serving
from made_up_verdicts import run_context
from observations import HERE4, HOST, RESET, endpoint, lookup, site_of, told, visit_to
from probe.judge.verdicts.classify import judge_run
from probe.session.observation_log import ObservationLog
from probe.store.row_codec import rows_of
from probe.store.schema import TABLES
from stored import a_result

ROOT = next(folder for folder in Path(__file__).resolve().parents if (folder / "pyproject.toml").exists())
TEXT = (ROOT / "docs" / "from-the-wire-to-the-row.md").read_text(encoding="utf-8")
STATIONS = re.findall(r"^## \d+\. .*: `(.+)`$", TEXT, re.MULTILINE)
FUNCTIONS = sorted(set(re.findall(r"`(probe(?:\.\w+)+)`", TEXT)))
MOST_FILES = 8


def found(name: str) -> object:
    """What a dotted name stands for; raises ImportError or AttributeError for what there is not."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            thing: object = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            thing = getattr(thing, part)
        return thing
    raise ImportError(name)


@contextmanager
def watched(called: set[CodeType]) -> Iterator[None]:
    """Notes the code of every function that this thread calls meanwhile."""
    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            called.add(frame.f_code)

    before: Callable[..., object] | None = sys.getprofile()
    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(before)


def _reset_after_hello(conn: socket.socket) -> None:
    conn.recv(4096)
    finish(conn, "reset")


def a_reset_row() -> dict[str, object]:
    """Five handshakes that a server on loopback resets, judged and written as a row of the verdicts table.

    Nobody's service has an address of loopback, so the visits' address and port are exchanged for a public one's.
    """
    book, site = ObservationLog("r-1"), site_of(endpoint())
    for resolver in ("system", "network"):
        book.add(lookup(HERE4, resolver=resolver))
    for seen in visit_to(HERE4, purpose="innocent", hostname="innocent.example", sni="innocent.example"):
        book.add(seen)
    with serving(_reset_after_hello) as server:
        for attempt in range(1, 6):
            plan = going_to(server.port, sni=HOST, attempt=attempt, input=f"https://{HOST}/", source="network",
                            target_id="chat.web.main")
            for seen in seen_of(plan):
                book.add(replace(seen, address=HERE4, port=443))
    for name in ("a", "b"):
        book.add_control(told(name, tls=((f"{HERE4}:443", ""),)))
    assert {o.failure for o in book.observations if o.operation == "tls_handshake" and o.purpose == "target"} == {RESET}
    verdicts, services = judge_run([book.case(site)], {}, run_context())
    result = replace(a_result(), observations=tuple(book.observations), controls=tuple(book.controls),
                     verdicts=verdicts, services=services)
    (row,) = rows_of(result, TABLES["verdicts"])
    return dict(row)


def test_the_walk_is_short_and_its_files_exist() -> None:
    assert 0 < len(STATIONS) <= MOST_FILES
    assert [name for name in STATIONS if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_the_walk_names_exists(name: str) -> None:
    assert found(name) is not None


def test_a_reset_on_loopback_takes_this_way() -> None:
    called: set[CodeType] = set()
    with watched(called):
        row = a_reset_row()
    assert (row["outcome"], row["block_type"], row["suspected"]) == ("inconclusive", "inconclusive.unplaced",
                                                                     "tls.reset.sni")
    for rule_id in cast("tuple[str, ...]", row["rules"])[:2]:
        assert f"`{rule_id}`" in TEXT
    functions = {name: code for name in FUNCTIONS if (code := getattr(found(name), "__code__", None)) is not None}
    assert len(functions) >= MOST_FILES - 1
    assert [name for name, code in functions.items() if code not in called] == []
    files = {str(Path(code.co_filename).relative_to(ROOT)) for code in called
             if code.co_filename.startswith(str(ROOT / "probe"))}
    assert [name for name in STATIONS if name not in files] == []
