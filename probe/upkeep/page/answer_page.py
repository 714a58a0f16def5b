"""The answer as one local page: no script, nothing fetched, light and dark, readable aloud. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from probe.config.consent.consent_language import describe_machine_made
from probe.core.tables.service_answers import ANSWERS, TROUBLED
from probe.core.translation import current_language, isolate, say
from probe.core.visible_text import visible
from probe.upkeep.page.markup import Html, join_html, make_tag, mark_isolates
from probe.upkeep.page.simple_document import make_simple_document
from probe.upkeep.status.answer_lookup import Shown, Span
from probe.upkeep.status.answer_text import (
    describe_block,
    describe_headline,
    describe_place,
    describe_service_answer,
    describe_time,
    fill_circumstance,
    list_steps,
    name_part,
)
from probe.upkeep.status.board_text import SIGNS
from probe.upkeep.status.run_answer import RunAnswer, find_stop
from probe.upkeep.status.service_answer import ServiceAnswer
from probe.upkeep.status.shown_text import describe_verdict
from probe.upkeep.status.status_board import BoardRow

_GLUE = "\u00a0"
"""Keeps a sign and its meaning in one line."""


def make_answer_page(shown: Shown, board: Sequence[BoardRow]) -> str:
    """The whole document. Others are given it: it does not tell in which folder the results lie."""
    title = _name(shown)
    body = join_html(make_tag("h1", title), make_tag("p", mark_isolates(_describe_when(shown)), class_="soft"),
                     make_tag("p", mark_isolates(describe_machine_made(current_language())), class_="soft"),
                     make_tag("main", *_make_parts(shown), _make_board(board)))
    return make_simple_document(title, body, language=current_language())


def _name(shown: Shown) -> str:
    if shown.verdict:
        return shown.verdict.target_id
    return shown.service.title if shown.service else say("Which messengers work here?")


def _describe_when(shown: Shown) -> str:
    whole = shown.service is None and shown.verdict is None
    return describe_headline(shown.answer) if whole else describe_place(shown.answer)


def _make_parts(shown: Shown) -> Iterable[Html]:
    yield from (_make_circumstance(shown.answer, word) for word in shown.answer.circumstances)
    if shown.verdict:
        yield make_tag("ul", [make_tag("li", mark_isolates(line.strip())) for line in describe_verdict(shown.verdict)])
    elif shown.service:
        yield make_tag("ul", _make_service(shown.service), class_="services")
        yield _make_list(say("Target by target"),
                         [f"{v.target_id}: {v.outcome} {v.block_type}" for v in shown.verdicts])
    elif find_stop(shown.answer):
        silent = say(", ").join(one.title for one in shown.answer.services if not one.retired)
        yield make_tag("p", mark_isolates(say("Not tested, so nothing is said of: {services}", services=silent)))
    else:
        open_ones = [one for one in shown.answer.services if not one.retired]
        troubled = [one for one in open_ones if one.answer in TROUBLED]
        yield make_tag("ul", [_make_service(one) for one in troubled], class_="services")
        yield _make_steps(shown.answer)
        yield make_tag("h2", say("The others") if troubled else say("Messengers"))
        yield make_tag("ul", [_make_service(one) for one in open_ones if one not in troubled], class_="services")
        closed = say(", ").join(one.title for one in shown.answer.services if one.retired)
        said = say("Closed by their makers: {services}", services=closed) if closed else ""
        yield make_tag("p", mark_isolates(said), class_="soft")
    if shown.verdict or shown.service or find_stop(shown.answer):
        yield _make_steps(shown.answer)
    yield _make_history(shown.history)


def _make_circumstance(answer: RunAnswer, word: str) -> Html:
    text, todo = fill_circumstance(answer, word)
    return make_tag("div", make_tag("p", make_tag("strong", mark_isolates(text))),
                    make_tag("p", mark_isolates(say("To do: {todo}", todo=todo))),
                    class_="stop")


def _make_service(one: ServiceAnswer) -> Html:
    whys = [make_tag("span", mark_isolates(f"{name_part(part)}: {describe_block(part)}"), class_="why")
            for part in one.parts if part.blocked]
    title = visible(one.title)
    said = describe_service_answer(one).removeprefix(str(isolate(title)))
    return make_tag("li", make_tag("strong", title), mark_isolates(said), whys, class_=one.answer)


def _make_history(spans: Sequence[Span]) -> Html:
    lines = [say("{first} to {last}, runs: {n}. {said}", first=describe_time(span.first),
                 last=describe_time(span.last), n=span.runs, said=span.said) for span in reversed(spans)]
    return _make_list(say("What runs said of it, the latest first"), lines)


def _make_list(heading: str, lines: Sequence[str]) -> Html:
    if not lines:
        return join_html()
    return join_html(make_tag("h2", heading), make_tag("ul", [make_tag("li", mark_isolates(line)) for line in lines]))


def _make_steps(answer: RunAnswer) -> Html:
    return _make_list(say("What now"), [text for _, text in list_steps(answer)])


def _make_board(board: Sequence[BoardRow]) -> Html:
    """A table of the last day: a row for each messenger, a column for each hour. The hours stand beside the names, so
    that a phone shows them; what is so now is also in the list above."""
    if not board:
        return join_html()
    key = say("; ").join(f"{SIGNS[word]}{_GLUE}{say(meaning)}" for word, meaning in ANSWERS.items())
    hours = len(board[0].hours)
    head = make_tag("tr", make_tag("th", say("Messenger"), scope="col"),
                    make_tag("th", say("The last {n} hours, the oldest first", n=hours), scope="col", colspan=hours),
                    make_tag("th", say("Now"), scope="col"), make_tag("th", say("Since"), scope="col"))
    return join_html(make_tag("h2", say("Hour by hour")),
                     make_tag("p", f"{key}{say('; ')}{SIGNS['']}{_GLUE}{say('no run')}", class_="soft"),
                     make_tag("div", make_tag("table", make_tag("thead", head),
                                              make_tag("tbody", [_make_board_row(row) for row in board])),
                              class_="scroll", tabindex="0", role="region", aria_label=say("Hour by hour")))


def _make_board_row(row: BoardRow) -> Html:
    time = describe_time(row.changed)
    since = say("at least {time}", time=time) if row.same_since_first else str(isolate(time))
    return make_tag("tr", make_tag("th", row.title, scope="row"),
                    [make_tag("td", SIGNS[word], class_=f"h {word}".strip(),
                              title=say(ANSWERS[word]) if word else say("no run")) for word in row.hours],
                    make_tag("td", make_tag("b", say(ANSWERS[row.now]), class_=row.now)),
                    make_tag("td", mark_isolates(since)))
