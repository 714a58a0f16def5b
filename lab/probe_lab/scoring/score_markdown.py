"""A score as a document: figures, every scenario, every miss, and how to have it again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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

_SAFE = str.maketrans({**{mark: f"\\{mark}" for mark in "\\`*_|[]"}, "<": "&lt;", ">": "&gt;"})
MOST_EVIDENCE = 160
"""Characters of a miss's evidence."""

_WHAT = """\
# The score of this program in its own laboratory

`probe lab score` runs the program in every scenario of the laboratory (`docs/lab.md`), and compares its verdicts with
what the simulated censors recorded that they did. A **false accusation** is a verdict `blocked` on a target with which
nothing interfered. Its rate comes first, with the upper end of the one-sided 95 % interval.

Hundreds of verdicts on one mistake are one mistake. So the score also counts **classes** of situations: scenarios that
look the same to the client are one class. An **unplaced** verdict leaves open whether something on the way blocks or
the service's own front refuses, because the two look alike.

**Accuracy** is a share of right verdicts. For each scenario it is computed separately for each expected outcome and
averaged, and then averaged over the scenarios. **Precision** and **recall** are about causes. A cause such as
`tls.reset.sni` counts together with its beginnings (`tls.reset`, `tls`; Kiritchenko et al. 2006). Both are means over
the scenarios in which there was a cause to name. "Limits" in `docs/lab.md` says what the laboratory cannot show.
"""


_PROMISE = """\
The next table asks whether verdicts are right as often as their confidence says. Right means that the cause is right
too, as deep as the scenario asks. A line's promise is `broken` if so few right verdicts would come by chance in less
than 5 % of scores (for all lines of the table together). It is `few` if the line has fewer than 100 verdicts and is not
broken, because these say little."""


def cell(text: str) -> str:
    """A text that is safe in a cell of a table."""
    return " ".join(text.split()).translate(_SAFE)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; every cell is made safe."""
    lines = [list(head), ["---"] * len(head), *([cell(text) for text in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def as_markdown(report: Report) -> str:
    """The whole document."""
    seeds = ", ".join(map(str, report.seeds))
    alone = "with test helpers" if report.helpers else "without test helpers: `inconclusive` passes"
    parts = [
        _WHAT,
        f"{report.selection}, seeds {seeds}, {report.repeats} run(s) of each, {report.all_levels}, {alone}. "
        f"{report.software} Took {report.wall_s:.0f} s.",
        f"The same again:\n\n```\n{report.replay}\n```",
        "Another seed draws other targets, addresses, delays and headers: without `--seed` one is drawn, and printed.",
    ]
    for level, part in report.levels.items():
        parts += _level(level, part, report)
    if report.list_unreached and not report.patterns:
        parts += ["## Rules that decided nothing", ", ".join(f"`{rule}`" for rule in report.list_unreached)]
    if report.total.skipped:
        skipped = dict.fromkeys((trouble.scenario, trouble.reason) for trouble in report.total.skipped)
        parts += ["## Skipped", table(("scenario", "why"), skipped)]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _level(level: str, part: Score, report: Report) -> list[str]:
    at = report.levels_in_words(level)
    columns, rows = outcome_matrix(part.confusion)
    matrix = [(name, *(str(cells.get(column, "")) for column in columns)) for name, cells in rows.items()]
    parts = [
        f"## At {at}",
        f"- False accusations: {accusation_line(part)}\n- Misses: {miss_line(part)}\n"
        f"- Users' blocks: {part.users.line}\n- Targets that users lost half the time: {part.users.lost_line}\n"
        f"- Classes falsely accused: {class_line(part)}\n"
        f"- Undecided: {undecided_line(part)}\n- Accuracy: {accuracy_line(part)}\n"
        f"- Verdicts that differed between repetitions: {len(part.unstable)}",
        "Outcomes, expected (rows) and got:",
        table(("expected", *columns), matrix),
    ]
    pairs = cause_pairs(part.confusion)
    if pairs:
        counted = [(expected, got, str(count)) for expected, got, count in pairs]
        parts += ["Causes:", table(("expected", "got", "verdicts"), counted)]
    if part.calibration:
        parts += [_PROMISE, table(CALIBRATION_HEAD, calibration_rows(part.calibration))]
    for each in count_tables(part):
        parts += [f"{each.title}:", table(each.head, each.rows)]
    parts += [f"### Scenarios at {at}", _scenarios(report, part)]
    if part.false_accusations:
        parts += [f"### False accusations at {at}", _findings(part.false_accusations)]
    parts += [f"### Misses at {at}", _findings(part.misses) if part.misses else "None."]
    if part.users.misses:
        lost = [(miss.scenario, miss.program, miss.target, miss.got) for miss in part.users.misses]
        parts += [f"### Users' blocks called ok at {at}", table(("scenario", "program", "target", "got"), lost)]
    troubles = [(t.scenario, str(t.seed), t.reason[-300:]) for t in (*part.invalid, *part.broken)]
    if troubles:
        parts += [f"### Trials at {at} that prove nothing", table(("scenario", "seed", "why"), troubles)]
    return parts


def _scenarios(report: Report, part: Score) -> str:
    rows = [
        (
            find_number(scenario), scenario.name, scenario.kind, expectations(scenario), format_percent(each.accuracy),
            format_percent(each.causes.precision), format_percent(each.causes.recall),
            f"{each.n_misses} of {each.n_rows}", str(each.n_false_accusations), str(each.n_unfired or ""),
        )
        for scenario in list_judged_scenarios(report.scenarios, part)
        for each in (part.by_scenario[scenario.name],)
    ]
    head = ("number", "scenario", "kind", "expected (others: ok)", "accuracy", "precision", "recall", "missed",
            "false accusations", "not acted upon")
    return table(head, rows)


def _findings(findings: Sequence[WrongVerdict]) -> str:
    rows = [
        (f.scenario, str(f.seed), f.input, f.expected or "no block", f.got, f.rule_id, f.evidence[:MOST_EVIDENCE])
        for f in findings
    ]
    return table(("scenario", "seed", "target", "expected", "got", "rule", "evidence"), rows)
