"""The answer as one local page: no script, nothing fetched, light and dark, readable aloud. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from probe.core.tables.answer_words import SERVICE_CLASSES
from probe.operation.status.answer_lookup import Shown, Span
from probe.operation.status.answer_text import (
    describe_block,
    describe_headline,
    describe_place,
    describe_service_answer,
    describe_time,
    fill_circumstance,
    list_steps,
    name_part,
)
from probe.operation.status.board_text import SIGNS
from probe.operation.status.run_answer import TROUBLED, RunAnswer, classify_service, find_stop
from probe.operation.status.service_answer import ServiceAnswer
from probe.operation.status.shown_text import describe_verdict
from probe.operation.status.status_board import BoardRow
from probe.research.report.markup import Html, join_html, make_tag
from probe.research.report.simple_document import make_simple_document
from probe.results.files.text_cells import visible


def make_answer_page(shown: Shown, board: Sequence[BoardRow]) -> str:
    """The whole document. Others are given it: it does not tell in which folder the results lie."""
    title = _name(shown)
    body = join_html(make_tag("h1", title), make_tag("p", _describe_when(shown), class_="soft"),
                     make_tag("main", *_make_parts(shown), _make_board(board)))
    return make_simple_document(title, body)


def _name(shown: Shown) -> str:
    if shown.verdict:
        return shown.verdict.target_id
    return shown.service.title if shown.service else "Which messengers work here?"


def _describe_when(shown: Shown) -> str:
    whole = shown.service is None and shown.verdict is None
    return describe_headline(shown.answer) if whole else describe_place(shown.answer)


def _make_parts(shown: Shown) -> Iterable[Html]:
    yield from (_make_circumstance(shown.answer, word) for word in shown.answer.circumstances)
    if shown.verdict:
        yield make_tag("ul", [make_tag("li", line.strip()) for line in describe_verdict(shown.verdict)])
    elif shown.service:
        yield make_tag("ul", _make_service(shown.service), class_="services")
        yield _make_list("Target by target", [f"{v.target_id}: {v.outcome} {v.block_type}" for v in shown.verdicts])
    elif find_stop(shown.answer):
        silent = ", ".join(one.title for one in shown.answer.services if not one.retired)
        yield make_tag("p", f"Not tested, so nothing is said of: {silent}")
    else:
        open_ones = [one for one in shown.answer.services if not one.retired]
        troubled = [one for one in open_ones if classify_service(one) in TROUBLED]
        yield make_tag("ul", [_make_service(one) for one in troubled], class_="services")
        yield _make_steps(shown.answer)
        yield make_tag("h2", "The others" if troubled else "Messengers")
        yield make_tag("ul", [_make_service(one) for one in open_ones if one not in troubled], class_="services")
        closed = ", ".join(one.title for one in shown.answer.services if one.retired)
        yield make_tag("p", f"Closed by their makers: {closed}" if closed else "", class_="soft")
    if shown.verdict or shown.service or find_stop(shown.answer):
        yield _make_steps(shown.answer)
    yield _make_history(shown.history)


def _make_circumstance(answer: RunAnswer, word: str) -> Html:
    text, todo = fill_circumstance(answer, word)
    return make_tag("div", make_tag("p", make_tag("strong", text)), make_tag("p", f"To do: {todo}"), class_="stop")


def _make_service(one: ServiceAnswer) -> Html:
    whys = [make_tag("span", f"{name_part(part)}: {describe_block(part)}", class_="why")
            for part in one.parts if part.blocked]
    title = visible(one.title)
    said = describe_service_answer(one).removeprefix(title)
    return make_tag("li", make_tag("strong", title), said, whys, class_=classify_service(one))


def _make_history(spans: Sequence[Span]) -> Html:
    lines = [f"{describe_time(span.first)} to {describe_time(span.last)}, runs: {span.runs}. {span.said}"
             for span in reversed(spans)]
    return _make_list("What runs said of it, the latest first", lines)


def _make_list(heading: str, lines: Sequence[str]) -> Html:
    if not lines:
        return join_html()
    return join_html(make_tag("h2", heading), make_tag("ul", [make_tag("li", line) for line in lines]))


def _make_steps(answer: RunAnswer) -> Html:
    return _make_list("What now", [text for _, text in list_steps(answer)])


def _make_board(board: Sequence[BoardRow]) -> Html:
    """A table of the last day: a row for each messenger, a column for each hour. The hours stand beside the names, so
    that a phone shows them; what is so now is also in the list above."""
    if not board:
        return join_html()
    key = "; ".join(f"{SIGNS[word]} {meaning}" for word, meaning in SERVICE_CLASSES.items())
    hours = len(board[0].hours)
    head = make_tag("tr", make_tag("th", "Messenger", scope="col"),
                    make_tag("th", f"The last {hours} hours, the oldest first", scope="col", colspan=hours),
                    make_tag("th", "Now", scope="col"), make_tag("th", "Since", scope="col"))
    return join_html(make_tag("h2", "Hour by hour"), make_tag("p", f"{key}; {SIGNS['']} no run", class_="soft"),
                     make_tag("div", make_tag("table", make_tag("thead", head),
                                              make_tag("tbody", [_make_board_row(row) for row in board])),
                              class_="scroll", tabindex="0", role="region", aria_label="Hour by hour"))


def _make_board_row(row: BoardRow) -> Html:
    since = f"{'at least ' if row.same_since_first else ''}{describe_time(row.changed)}"
    return make_tag("tr", make_tag("th", row.title, scope="row"),
                    [make_tag("td", SIGNS[word], class_=f"h {word}".strip(),
                              title=SERVICE_CLASSES[word] if word else "no run") for word in row.hours],
                    make_tag("td", make_tag("b", SERVICE_CLASSES[row.now], class_=row.now)), make_tag("td", since))
