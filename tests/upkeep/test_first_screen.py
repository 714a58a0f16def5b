"""The answer of a run on one screen: few lines in every language, trouble first, no chat that works untested."""

from __future__ import annotations

import pytest

from probe.catalogue.load import load_catalogue
from probe.core.languages import LANGUAGES, LanguageCode
from probe.core.line_folding import count_columns, fold_line
from probe.core.runs import Run, Vantage
from probe.core.tables.block_types import CauseId
from probe.core.tables.outcomes import Outcome
from probe.core.tables.service_answers import ANSWER_ORDER, Answer
from probe.core.translation import speak
from probe.core.verdicts import ServiceVerdict, Verdict
from probe.upkeep.status.first_screen import COLUMNS, ROWS, describe_first_screen
from probe.upkeep.status.run_answer import RunAnswer, answer_run
from probe.upkeep.status.service_answer import gather_catalogue_facts

FACTS = gather_catalogue_facts(load_catalogue(search=False))
SERVICES = tuple(name for name, one in FACTS.services.items() if one.status == "active")
CASES: dict[str, dict[str, Answer]] = {
    "all works": {},
    "one is blocked": {"telegram": "blocked"},
    "three are blocked": {"telegram": "blocked", "whatsapp": "blocked", "signal": "blocked"},
    "chats are not tested": dict.fromkeys(("telegram", "whatsapp", "viber", "wechat", "threema"), "unknown"),
    "one is suspected": {"telegram": "suspected"},
    "half fail": dict.fromkeys(SERVICES[::2], "fails"),
    "all are blocked": dict.fromkeys(SERVICES, "blocked"),
    "all are suspected": dict.fromkeys(SERVICES, "suspected"),
    "all work in part": dict.fromkeys(SERVICES, "partly"),
    "nothing was tested": dict.fromkeys(SERVICES, "not_tested"),
    "the network is cut": dict.fromkeys(SERVICES, "unknown"),
    "of everything some": dict(zip(SERVICES, ANSWER_ORDER * 10, strict=False)),
}
OUTCOMES: dict[Answer, Outcome] = {"blocked": "blocked", "suspected": "inconclusive", "fails": "inconclusive",
                                   "partly": "ok", "unknown": "network", "not_tested": "not_attempted", "works": "ok"}


def made(words: dict[str, Answer]) -> RunAnswer:
    """The answer of a run in which these services are so, and all others work."""
    rows, verdicts = [], []
    for name in SERVICES:
        word = words.get(name, "works")
        outcome = OUTCOMES[word]
        causes: tuple[CauseId, ...] = ("tls.reset.sni",) if word == "blocked" else ()
        rows.append(ServiceVerdict(service=name, role="chat", outcome=outcome, k=len(causes), n=1, answer=word,
                                   block_types=causes))
        verdicts.append(Verdict(target_id=f"{name}.chat.x", service=name, role="chat", owner=name, input="tls://x",
                                outcome=outcome, block_type="inconclusive.unplaced" if word == "suspected" else "",
                                suspected="tls.reset.sni" if word == "suspected" else ""))
    return answer_run(Run(run_id="20261202T100000Z_0", measurement_start_time="2026-12-02T10:00:00Z", outcome="ok",
                          vantage=Vantage(probe_cc="RU", probe_asn=64500)), verdicts, rows, FACTS)


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("columns", [40, COLUMNS])
def test_the_answer_fits_a_screen_in_every_language(case: str, language: LanguageCode, columns: int) -> None:
    with speak(language):
        lines = describe_first_screen(made(CASES[case]), columns=columns, rows=ROWS - 2)
    folded = [part for line in lines for part in fold_line(line.strip(), columns, rest="  ")]
    assert 1 < len(folded) <= ROWS - 2
    commands = ("probe ", "http")
    assert all(count_columns(part) <= columns or any(word in part for word in commands) for part in folded)


FAILING = [name for name, words in CASES.items() if {"blocked", "suspected", "fails"}.intersection(words.values())]


@pytest.mark.parametrize("case", FAILING)
def test_what_is_in_trouble_comes_first_and_most_used_first(case: str) -> None:
    lines = describe_first_screen(made(CASES[case]))
    first = "\n".join(lines[1:3])
    telegram = CASES[case].get("telegram")
    assert "Telegram" in first or telegram not in ("blocked", "suspected")
    assert lines[1].partition(":")[0] != "What now"


def test_a_chat_that_was_not_tested_is_not_among_those_that_work() -> None:
    lines = describe_first_screen(made(CASES["chats are not tested"]))
    works = next(line for line in lines if line.startswith("Working"))
    assert not [name for name in ("Telegram", "WhatsApp", "Viber", "WeChat", "Threema") if name in works]
