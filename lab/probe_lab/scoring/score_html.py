"""A score as one page that needs nothing else: no script, no second file, light or dark as the reader's system is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from probe_lab.scoring.class_tables import class_line, count_tables, undecided_line
from probe_lab.scoring.score_report import (
    CALIBRATION_HEAD,
    Report,
    accuracy_line,
    accusation_line,
    calibration_rows,
    cause_pairs,
    expectations,
    find_number,
    format_percent,
    list_judged_scenarios,
    miss_line,
    outcome_matrix,
)
from probe_lab.scoring.score_run import Score, WrongVerdict

_HEAD = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Score in the laboratory</title>
<style>
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #ffffff; --faint: #667080; --line: #d5dae1;
  --right: 38 130 80; --wrong: 200 60 40; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ee; --paper: #15181d; --faint: #98a2b3; --line: #343b46;
  --right: 70 170 115; --wrong: 225 95 75; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto;
  max-width: 72rem; padding: 0 1rem; }
h1, h2, h3 { line-height: 1.2; margin-top: 2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: .5rem 0 1.5rem; }
th, td { border: 1px solid var(--line); padding: .25rem .6rem; text-align: left; vertical-align: top; }
thead th { color: var(--faint); font-weight: 600; }
td.count { text-align: right; font-variant-numeric: tabular-nums; }
td.right { background: rgb(var(--right) / var(--share)); }
td.wrong { background: rgb(var(--wrong) / var(--share)); }
.figure { font-size: 1.15rem; }
.bad { color: rgb(var(--wrong)); font-weight: 600; }
code { font-family: ui-monospace, monospace; font-size: .9em; overflow-wrap: anywhere; }
.faint { color: var(--faint); }
</style>
</head>
<body>
"""


def as_html(report: Report) -> str:
    """The whole page; every text in it is escaped."""
    seeds = ", ".join(map(str, report.seeds))
    helpers = "with test helpers" if report.helpers else "without test helpers (inconclusive passes)"
    parts = [
        _HEAD,
        "<h1>Score in the laboratory</h1>\n",
        _paragraph(f"{report.selection}, seeds {seeds}, {report.repeats} run(s) of each, {report.all_levels}, "
                   f"{helpers}. {report.software} Took {report.wall_s:.0f} s."),
        f"<p>The same again: <code>{escape(report.replay)}</code></p>\n",
    ]
    for level, part in report.levels.items():
        parts += _level(level, part, report)
    if report.list_unreached and not report.patterns:
        parts += ["<h2>Rules that decided nothing</h2>\n", _paragraph(", ".join(report.list_unreached))]
    if report.total.skipped:
        skipped = dict.fromkeys((trouble.scenario, trouble.reason) for trouble in report.total.skipped)
        parts += ["<h2>Skipped</h2>\n", _table(("scenario", "why"), skipped)]
    return "".join([*parts, "</body>\n</html>\n"])


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of texts."""
    return _raw_table(head, [[f"<td>{escape(text)}</td>" for text in row] for row in rows])


def _raw_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose cells are HTML already."""
    heads = "".join(f'<th scope="col">{escape(text)}</th>' for text in head)
    body = "\n".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return f'<div class="wide"><table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>\n'


def _level(level: str, part: Score, report: Report) -> list[str]:
    bad = " bad" if part.false_accusations else ""
    parts = [
        f"<h2>At {escape(report.levels_in_words(level))}</h2>\n",
        f'<p class="figure{bad}">False accusations: {escape(accusation_line(part))}</p>\n',
        f'<p class="figure">Misses: {escape(miss_line(part))}</p>\n',
        f'<p class="figure">Users\' blocks: {escape(part.users.line)}</p>\n',
        f'<p class="figure">Targets that users lost half the time: {escape(part.users.lost_line)}</p>\n',
    ]
    parts.append(_paragraph(f"Classes falsely accused: {class_line(part)}. Undecided: {undecided_line(part)}."))
    if part.false_accusations:
        parts.append(_findings(part.false_accusations))
    parts += [
        f'<p class="figure">Accuracy: {escape(accuracy_line(part))}</p>\n',
        "<h3>Outcomes, expected (rows) and got</h3>\n", _matrix(part),
        "<h3>Causes</h3>\n",
        _table(("expected", "got", "verdicts"), [(want, got, str(n)) for want, got, n in cause_pairs(part.confusion)]),
        "<h3>Does confidence keep its word?</h3>\n", _table(CALIBRATION_HEAD, calibration_rows(part.calibration)),
        *(text for each in count_tables(part)
          for text in (f"<h3>{escape(each.title)}</h3>\n", _table(each.head, each.rows))),
        "<h3>Scenarios</h3>\n", _scenarios(report, part),
        "<h3>Misses</h3>\n", _findings(part.misses) if part.misses else "",
        "<h3>Users' blocks called ok</h3>\n" if part.users.misses else "",
        _table(("scenario", "program", "target", "got"),
               [(miss.scenario, miss.program, miss.target, miss.got) for miss in part.users.misses])
        if part.users.misses else "",
    ]
    if part.unstable:
        parts += ["<h3>Verdicts that differed between repetitions</h3>\n", _table(("verdict",), zip(part.unstable))]
    troubles = [(trouble.scenario, str(trouble.seed), trouble.reason) for trouble in (*part.invalid, *part.broken)]
    if troubles:
        parts += ["<h3>Trials that prove nothing</h3>\n", _table(("scenario", "seed", "why"), troubles)]
    return parts


def _matrix(part: Score) -> str:
    """The confusion matrix; a cell is the darker the larger its share of its row."""
    columns, rows = outcome_matrix(part.confusion)
    lines = []
    for name, cells in rows.items():
        total = sum(cells.values())
        counted = [_heat(cells.get(column, 0), total, right=column in name.split(" or ")) for column in columns]
        lines.append([f'<th scope="row">{escape(name)}</th>', *counted])
    return _raw_table(("", *columns), lines)


def _heat(count: int, total: int, *, right: bool) -> str:
    if not count:
        return '<td class="count faint">.</td>'
    kind = "right" if right else "wrong"
    return f'<td class="count {kind}" style="--share: {0.15 + 0.6 * count / total:.2f}">{count}</td>'


def _scenarios(report: Report, part: Score) -> str:
    rows = []
    for scenario in list_judged_scenarios(report.scenarios, part):
        each = part.by_scenario[scenario.name]
        texts = (find_number(scenario), scenario.name, scenario.kind, scenario.title, expectations(scenario))
        figures = (
            format_percent(each.accuracy), format_percent(each.causes.precision), format_percent(each.causes.recall),
            f"{each.n_misses} of {each.n_rows}", str(each.n_false_accusations), str(each.n_unfired),
            f"{each.wall_s:.0f}",
        )
        rows.append([
            *(f"<td>{escape(text)}</td>" for text in texts),
            *(f'<td class="count">{escape(text)}</td>' for text in figures),
        ])
    head = ("number", "scenario", "kind", "title", "expected (others: ok)", "accuracy", "precision", "recall", "missed",
            "false accusations", "not acted upon", "seconds")
    return _raw_table(head, rows)


def _findings(findings: Sequence[WrongVerdict]) -> str:
    rows = []
    for f in findings:
        plain = (f.scenario, str(f.seed), f.input, f.expected or "no block", f.got)
        code = (f.rule_id, f.evidence, f.replay)
        rows.append([
            *(f"<td>{escape(text)}</td>" for text in plain),
            *(f"<td><code>{escape(text)}</code></td>" for text in code),
        ])
    head = ("scenario", "seed", "target", "expected", "got", "rule", "evidence", "see it again")
    return _raw_table(head, rows)
