"""What the cells say of the probes' own ClientHellos: which shapes a network's probes sent in an hour, and, where
anything failed, how each of them fared.

Shapes are counted for each cell only where something failed in it: those are few, and the rest are as the network's.
"""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from probe_analysis.cells.cell_expressions import CELL, COLUMNS, CountedRows, as_count, count_once, without_right
from probe_analysis.cells.failure_layers import FAILED
from probe_analysis.cells.row_quality import CODES

MOST_HELLOS = 4
"""Shapes that a cell tells of: those of most probes."""


def add_hellos(cells: ir.Table, rows: CountedRows, failures: ir.Table | None, runs: ir.Table) -> ir.Table:
    """The cells with `hellos` and `struck_hellos`. `rows` are the facts that were counted, `failures` what of them
    failed, as `run_no` and `name_no`."""
    sent = runs.filter((runs.reason == "") & (runs.hello != ""))
    seen = sent.group_by(["slot_no", "hello"]).agg(times=ibis._.count())
    seen = _spell(seen.mutate(word=seen.hello), ["slot_no"], "hellos")
    struck = _spell(_count_struck(rows, failures, sent), CELL, "struck_hellos")
    cells = without_right(cells.left_join(seen, "slot_no"))
    cells = without_right(cells.left_join(struck, CELL))
    failed = ibis.or_(cells.blocked > 0, *(cells[name] > 0 for name in FAILED))
    cells = cells.mutate(hellos=cells.hellos.fill_null(""),
                         struck_hellos=ibis.cases((failed, cells.struck_hellos.fill_null("")), else_=""))
    return cells.select(*COLUMNS, "slot_no", "name_no")


def add_no_hellos(cells: ir.Table) -> ir.Table:
    """The cells of runs of which none tells its hello: quicker than to look for some."""
    cells = cells.mutate(hellos=ibis.literal(""), struck_hellos=ibis.literal(""))
    return cells.select(*COLUMNS, "slot_no", "name_no")


def _count_struck(rows: CountedRows, failures: ir.Table | None, sent: ir.Table) -> ir.Table:
    """Of each cell in which anything failed, and each shape: `word`, `shape=blocked/failed/ok`, and `times`."""
    facts = rows.facts.filter(rows.facts.code.isin([CODES[word] for word in ("ok", "blocked", "inconclusive")]))
    some = facts.filter(facts.code == CODES["blocked"]).select(*CELL)
    some = (ibis.union(some, failures.select(*CELL)) if failures is not None else some).distinct()
    facts = facts.semi_join(some, CELL)
    facts = count_once(facts) if rows.crowded else facts
    with_hello = without_right(facts.inner_join(sent.select("run_no", "hello"), "run_no"))
    with_hello = with_hello.select("run_no", *CELL, "hello", blocked=as_count(with_hello.code == CODES["blocked"]),
                                   ok=as_count(with_hello.code == CODES["ok"]))
    with_hello = with_hello.mutate(failed=with_hello.blocked)
    if failures is not None:
        marks = failures.select("run_no", "name_no", mark=ibis.literal(1, "int64")).distinct()
        with_hello = without_right(with_hello.left_join(marks, ["run_no", "name_no"]))
        with_hello = with_hello.mutate(failed=as_count((with_hello.mark == 1) & (with_hello.ok == 0)))
    counts = with_hello.group_by([*CELL, "hello"]).agg(
        blocked=with_hello.blocked.sum(), failed=with_hello.failed.sum(), ok=with_hello.ok.sum(), times=ibis._.count())
    numbers = [counts[name].cast("int64").cast("string") for name in ("blocked", "failed", "ok")]
    return counts.mutate(word=counts.hello.concat("=", numbers[0], "/", numbers[1], "/", numbers[2]))


def _spell(counts: ir.Table, keys: Sequence[str], name: str) -> ir.Table:
    """One text for each key, in the column `name`: the words of the shapes with most `times`, in order of the shapes.
    """
    place = ibis.row_number().over(
        ibis.window(group_by=list(keys), order_by=[ibis.desc(counts.times), ibis.asc(counts.hello)]))
    few = counts.mutate(place=place)
    few = few.filter(few.place < MOST_HELLOS)
    turn = ibis.row_number().over(ibis.window(group_by=list(keys), order_by=[few.hello]))
    few = few.mutate(turn=turn)
    words = few.group_by(list(keys)).agg(**{
        f"word_{at}": ibis.cases((few.turn == at, few.word), else_="").max() for at in range(MOST_HELLOS)})
    first, *others = (words[f"word_{at}"] for at in range(MOST_HELLOS))
    text = first.concat(*(part for other in others for part in (" ", other))).strip()
    return words.select(*keys, **{name: text})
