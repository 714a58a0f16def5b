"""SQL that is kept asks what its expression asks, of whatever texts and moments, and only this user is believed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

pytest.importorskip("ibis", reason="needs the extra `research`")
pytest.importorskip("duckdb", reason="needs the extra `research`")

import duckdb
import ibis
import ibis.expr.types as ir

from probe.research.engines.duckdb_connection import quote_sql
from probe.research.engines.kept_queries import MOST_KEPT, KeptQueries
from probe.research.engines.query_shape import UnknownShapeError, read_shape
from probe.results.archive.own_files import QUERIES_CACHE

TABLE = ibis.table({"name": "string", "place": "string", "begun": "timestamp", "n": "int64"}, name="told")
ODD = "o'hara', 'b') OR true --"
NAMES = ("a", "b", ODD, "\u202e", "probe:list:0:0", "")
NOON = datetime(2026, 5, 1, 12)
Question = Callable[[list[str], list[str], datetime], ir.Table]


def chosen(names: list[str], places: list[str], now: datetime) -> ir.Table:
    return TABLE.filter(TABLE.name.isin(names), TABLE.place.isin(places) | (TABLE.begun > ibis.literal(now)))


def cases(names: list[str], places: list[str], now: datetime) -> ir.Table:
    fresh = TABLE.name.isin(names) & ~TABLE.place.isin(places)
    return TABLE.mutate(word=ibis.cases((fresh, "fresh"), (TABLE.begun > ibis.literal(now), "future"), else_=""))


def beyond(names: list[str], places: list[str], now: datetime) -> ir.Table:
    """Lists below and above a join, a sum and a window."""
    sums = TABLE.filter(TABLE.name.isin(names)).group_by("place").agg(total=TABLE.n.sum())
    joined = TABLE.inner_join(sums, "place").filter(~TABLE.name.isin(places), TABLE.begun < ibis.literal(now))
    return joined.mutate(turn=ibis.row_number().over(ibis.window(group_by=joined.place, order_by=joined.n)))


QUESTIONS: tuple[Question, ...] = (chosen, cases, beyond)
ASKED: tuple[tuple[list[str], list[str]], ...] = (
    (["a"], ["b"]), (["a", "b"], ["a", "b"]), ([ODD], ["a", ODD]), (["\u202e", ""], ["a"]), (["probe:list:0:0"], ["b"]),
    ([], ["a"]), (["a"], []), (sorted(NAMES), ["b", "c"]), (["zz"], ["a"]))


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    made = duckdb.connect()
    made.execute("CREATE TABLE told (name VARCHAR, place VARCHAR, begun TIMESTAMP, n BIGINT)")
    for number, name in enumerate((*NAMES, *NAMES, None)):
        made.execute("INSERT INTO told VALUES (?, ?, ?, ?)",
                     [name, (*NAMES, None)[number % 5], NOON + timedelta(hours=number), number])
    return made


def rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[str]:
    return sorted(map(repr, connection.sql(sql).fetchall()))


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_same_is_asked_whatever_was_compiled_before(question: Question, tmp_path: Path,
                                                        connection: duckdb.DuckDBPyConnection) -> None:
    for _ in range(2):  # the second time all is kept
        queries = KeptQueries(tmp_path)
        for names, places in ASKED:
            for now in (NOON, NOON + timedelta(hours=3, microseconds=5)):
                expression = question(names, places, now)
                plain = ibis.to_sql(expression, dialect="duckdb")
                assert rows(connection, queries.compile(expression)) == rows(connection, plain), (names, places)
        queries.save()
    kept = json.loads((tmp_path / QUERIES_CACHE).read_text())["texts"]
    assert not any(ODD in text or "2026" in text for text in kept.values())


@pytest.mark.parametrize(("one", "other", "same"), [
    (chosen(["a"], ["b"], NOON), chosen(["x", "y"], ["z"], datetime(2027, 1, 1)), True),
    (chosen(["a"], ["b"], NOON), chosen(["a"], ["a"], NOON), False),
    (chosen(["a"], ["a"], NOON), chosen(["b", "c"], ["b", "c"], NOON), True),
    (chosen(["a"], ["b"], NOON), chosen([], ["b"], NOON), False),
    (TABLE.filter(TABLE.n > 1), TABLE.filter(TABLE.n > 2), False),
    (TABLE.filter(TABLE.name == "a"), TABLE.filter(TABLE.name == "b"), False),
    (TABLE.select("name", "n"), TABLE.select("n", "name"), False),
    (TABLE.filter(TABLE.name.isin(["a"])), ibis.table(TABLE.schema(), name="other").filter(ibis._.name.isin(["a"])),
     False),
    (TABLE.filter(TABLE.n.isin([1])), TABLE.filter(TABLE.n.isin([2])), False),
    (TABLE.filter(TABLE.begun.date().isin([NOON.date()])),
     TABLE.filter(TABLE.begun.date().isin([NOON.date(), NOON.date() + timedelta(days=1)])), None),
])
def test_what_is_asked_about_is_no_part_of_a_shape(one: ir.Table, other: ir.Table, same: bool | None) -> None:
    if same is None:
        for each in (one, other):
            with pytest.raises(UnknownShapeError):
                read_shape(each.op())
        return
    assert (read_shape(one.op()).digest == read_shape(other.op()).digest) is same


def test_what_is_not_known_to_be_the_same_tomorrow_is_compiled_each_time(tmp_path: Path) -> None:
    expression = ibis.memtable({"name": ["a"]})
    with pytest.raises(UnknownShapeError):
        read_shape(expression.op())
    queries = KeptQueries(tmp_path)
    assert "memtable" in queries.compile(expression)
    queries.save()
    assert not list(tmp_path.iterdir())


def keep_another(folder: Path) -> ir.Table:
    """An expression whose kept text says something else."""
    expression = chosen(["a"], ["b"], NOON)
    queries = KeptQueries(folder)
    queries.compile(expression)
    queries.save()
    path = folder / QUERIES_CACHE
    told = json.loads(path.read_text())
    told["texts"] = dict.fromkeys(told["texts"], "SELECT 'kept'")
    path.write_text(json.dumps(told))
    path.chmod(0o600)
    return expression


def spoil(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def put_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(("change", "believed"), [
    (lambda path: None, True),
    (lambda path: path.chmod(0o620), False),
    (lambda path: path.chmod(0o602), False),
    (lambda path: spoil(path, made_by="another program"), False),
    (lambda path: spoil(path, texts=[1]), False),
    (lambda path: path.write_text(path.read_text()[:-5]), False),
    (lambda path: path.write_bytes(b"\xff\x00"), False),
    (lambda path: path.write_text("[" * 100_000), False),
    (lambda path: path.unlink(), False),
    (put_pipe, False),
])
def test_only_what_this_user_kept_is_believed(change: Callable[[Path], None], believed: bool, tmp_path: Path) -> None:
    expression = keep_another(tmp_path)
    change(tmp_path / QUERIES_CACHE)
    queries = KeptQueries(tmp_path)
    assert (queries.compile(expression) == "SELECT 'kept'") is believed
    queries.save()
    if not believed:
        assert KeptQueries(tmp_path).compile(expression) == queries.compile(expression)


def test_nothing_fails_where_nothing_can_be_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    queries = KeptQueries(tmp_path / "file")
    assert queries.compile(TABLE)
    queries.save()


def test_two_processes_keep_what_both_compiled_and_no_more_than_fits(tmp_path: Path) -> None:
    one, other = KeptQueries(tmp_path), KeptQueries(tmp_path)
    one.compile(TABLE.select("n"))
    other.compile(TABLE.select("name"))
    one.save()
    other.save()
    assert len(json.loads((tmp_path / QUERIES_CACHE).read_text())["texts"]) == 2
    spoil(tmp_path / QUERIES_CACHE, texts={str(number): quote_sql(str(number)) for number in range(MOST_KEPT)})
    (tmp_path / QUERIES_CACHE).chmod(0o600)
    third = KeptQueries(tmp_path)
    third.compile(TABLE.select("begun"))
    third.save()
    assert len(json.loads((tmp_path / QUERIES_CACHE).read_text())["texts"]) == 1
