"""The SQL of expressions that were compiled before, by this call or an earlier one: to compile takes half as long as to
count an hour.

SQL is run, so it is kept in this user's own cache and not beside the cells, which others may have made. It is found by
the shape of its expression and by the versions of what compiled it. What an expression asks about is put into its text
when it is used. The file can be removed.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from stat import S_ISREG
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir

from probe.config.folders import find_own_cache
from probe.core.code_digest import digest_code
from probe.research.engines.duckdb_connection import quote_sql
from probe.research.engines.query_shape import QueryShape, Told, UnknownShapeError, read_shape
from probe.results.archive.own_files import QUERIES_CACHE
from probe.results.files.atomic import StoreError, replace_file

MOST_KEPT = 512
_MOST_BYTES = 1 << 24
_LIST, _MOMENT = "probe:list:{}:{}", "probe:moment:{}"
_HOLE = re.compile(r"'probe:list:(\d+):0', 'probe:list:\1:1'|'probe:moment:(\d+)'")
_MARK = "probe:list:", "probe:moment:"


class KeptQueries:
    """SQL for DuckDB; `save` keeps what was compiled for the next call."""

    def __init__(self, folder: Path | None = None) -> None:
        """`folder`: where the file is; this user's cache if it is not given."""
        self._path = (folder or find_own_cache()) / QUERIES_CACHE
        self._texts: dict[str, str] | None = None
        self._used: dict[str, str] = {}
        self._has_new = False

    def compile(self, expression: ir.Table) -> str:
        """The SQL of an expression."""
        operation = expression.op()
        try:
            shape = read_shape(operation)
        except UnknownShapeError:
            return _compile(expression)
        text = self._find(shape)
        if text is None:
            text = _compile(_make_holes(operation, shape))
            if not _has_all_holes(text, len(shape.told)):
                return _compile(expression)
            self._has_new = True
        self._used[shape.digest] = text
        return _fill(text, shape.told)

    def _find(self, shape: QueryShape) -> str | None:
        if self._texts is None:
            self._texts = _read(self._path)
        return self._used.get(shape.digest) or self._texts.get(shape.digest)

    def save(self) -> None:
        """Keeps what is new, where it can."""
        if not self._has_new:
            return
        self._has_new = False
        texts = _read(self._path)  # another process may have kept some since
        if len(texts | self._used) > MOST_KEPT:
            texts = {}
        told = {"made_by": _digest_makers(), "texts": texts | self._used}
        with suppress(StoreError, OSError):
            replace_file(self._path, json.dumps(told, separators=(",", ":")).encode())


def _compile(expression: ir.Table) -> str:
    return str(ibis.to_sql(expression, dialect="duckdb", pretty=False))


def _make_holes(operation: ops.Node, shape: QueryShape) -> ir.Table:
    """The expression with a hole for each thing that it asks about."""
    def replace(node: ops.Node, changed: Mapping[str, Any] | None) -> ops.Node:
        number = shape.nodes.get(node)
        if number is None:
            return node.__recreate__(changed) if changed else node
        if isinstance(node, ops.InValues):
            texts = tuple(ops.Literal(_LIST.format(number, part), dtype=dt.string) for part in range(2))
            return ops.InValues(value=(changed or {}).get("value", node.value), options=texts)
        return ops.Cast(ops.Literal(_MOMENT.format(number), dtype=dt.string), to=node.dtype)

    made: ir.Table = operation.replace(replace).to_expr()
    return made


def _has_all_holes(text: str, number: int) -> bool:
    """Whether each of so many things has a hole, and nothing of a hole is elsewhere."""
    found = {int(hole[1] or hole[2]) for hole in _HOLE.finditer(text)}
    return found == set(range(number)) and not any(mark in _HOLE.sub("", text) for mark in _MARK)


def _fill(text: str, told: tuple[Told, ...]) -> str:
    return _HOLE.sub(lambda hole: _write(told[int(hole[1] or hole[2])]), text)


def _write(told: Told) -> str:
    if isinstance(told, datetime):
        return quote_sql(told.isoformat(sep=" "))
    return ", ".join(map(quote_sql, told))


def _read(path: Path) -> dict[str, str]:
    """What is kept; nothing where there is none, where others could have written it, or of other versions."""
    if not path.is_file():  # nor waits for what others put there
        return {}
    try:
        with path.open("rb") as file:
            stat = os.fstat(file.fileno())
            if not _is_own(stat) or stat.st_size > _MOST_BYTES:
                return {}
            told = json.loads(file.read(_MOST_BYTES))
        texts = told["texts"] if told["made_by"] == _digest_makers() else {}
        return {str(digest): str(text) for digest, text in texts.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _is_own(stat: os.stat_result) -> bool:
    """Whether nobody but this user can have written a file."""
    mine = not hasattr(os, "geteuid") or stat.st_uid == os.geteuid()
    return mine and S_ISREG(stat.st_mode) and not stat.st_mode & 0o022


@cache
def _digest_makers() -> str:
    """A digest of what makes SQL of expressions."""
    here = Path(__file__)
    return digest_code((here.parent,), *(version(name) for name in ("ibis-framework", "sqlglot", "duckdb")))
