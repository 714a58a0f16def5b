"""Texts that stand in tables and are translated where they are said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from probe.cli.command_table import COMMANDS, GROUPS, PARTS
from probe.cli.doctor import _REMEDIES
from probe.cli.setup import NEXT
from probe.config.consent import consent_text
from probe.config.consent.consent_questions import QUESTIONS
from probe.config.consent.control_ways import WAYS
from probe.config.consent.country_profiles import load_profiles
from probe.config.geo import geo_status
from probe.core.tables.answer_words import (
    CIRCUMSTANCES,
    NEXT_STEPS,
    PART_STATES,
    ROLE_WORDS,
    SURENESS,
    UNTESTED_WHYS,
)
from probe.core.tables.basis_words import BASES
from probe.core.tables.block_types import BLOCK_TYPES
from probe.core.tables.consent_words import CONCERNED, LEVELS, SENT
from probe.core.tables.control_remedies import REMEDIES
from probe.core.tables.control_sources import CONTROL_FAULTS
from probe.core.tables.odds_words import DECIDERS
from probe.core.tables.outcomes import OUTCOMES
from probe.core.tables.roles import ACCOUNT_PARTS
from probe.core.tables.run_words import TOLD_WORDS
from probe.core.tables.service_answers import ANSWERS
from probe.core.tables.systems import UNTOLD
from probe.core.tables.untested_words import CLOSED_NAMELESS, NO_FAMILY, OPTED_OUT, PAGE_UNASKED, RAN_OUT
from probe.judge.common.rule import NEEDS
from probe.judge.path.all_rules import list_rules
from probe.judge.verdicts.classify import ANSWERED_FOR_EVERYBODY, RETIRED
from probe.upkeep.commands.run_progress import PHASES
from probe.upkeep.commands.stopped import OTHERS, STOPPED
from probe.upkeep.schedules.missing_runs import GAP_REASONS
from probe.upkeep.status import installation_checks, status_findings
from probe_analysis.explanation.explanation_text import FACTS
from probe_analysis.populations.population_rules import POPULATION_RULES

_WORD = re.compile(r'(?:what=|return |\()"([A-Za-z][A-Za-z0-9 ]*)"(?:, (?:True|False|ok|not|found)|,? state=)')
_PASSED = "_DOES", "_DOUBTS"


def list_table_texts() -> Iterator[tuple[str, str]]:
    """(table, text) of each; the table's name says to which catalogue it belongs."""
    for place, texts in _tables():
        yield from ((place, text) for text in texts if text)


def _tables() -> Iterator[tuple[str, list[str]]]:
    yield "table of consent: profiles", [text for profile in load_profiles().profile.values()
                                         for text in (profile.title, profile.text)]
    yield "table of consent: short", list(consent_text.SHORT)
    yield "table of consent: text", [*consent_text.SEEN, *LEVELS.values(), *(row.meaning for row in SENT),
                                     *consent_text.SENT_TO_US, *consent_text.PUBLIC, *consent_text.KEPT,
                                     consent_text.ASK, *CONCERNED.values(), *consent_text.FREE]
    yield "table of consent: questions", [text for one in QUESTIONS for text in (one.question, *one.answers, one.why)]
    yield "table of consent: ways", [text for way in WAYS.values() for text in (way.title, way.tells)]
    yield "table of next steps", list(NEXT.values())
    yield "table of commands", [*GROUPS.values(), *PARTS.values(), *(entry.help for entry in COMMANDS.values())]
    yield "table of the answer", [
        *ANSWERS.values(), *ROLE_WORDS.values(), *ACCOUNT_PARTS.values(),
        *(text for words in PART_STATES.values() for text in (words.one, words.many)), *UNTESTED_WHYS.values(),
        *(text for words in CIRCUMSTANCES.values() for text in (words.text, words.todo)), *SURENESS.values(),
        *NEXT_STEPS.values(), *BASES.values(), *DECIDERS.values(), *PHASES.values()]
    yield "table of outcomes", list(OUTCOMES.values())
    yield "table of block types: meanings", [row.meaning for row in BLOCK_TYPES.values()]
    yield "table of block types: tests", [row.test for row in BLOCK_TYPES.values()]
    yield "table of remedies", [*REMEDIES.values(), *_REMEDIES.values()]
    yield "table of needs", list(NEEDS.values())
    yield "table of reasons", _list_reasons()
    yield "table of facts", list(FACTS.values())
    yield "table of systems", list(UNTOLD.values())
    yield "table of geo", [geo_status.NEWER]
    yield "table of a run's words", list(TOLD_WORDS.values())
    yield "table of stopped commands", [*STOPPED.values(), OTHERS]
    yield "table of gaps", list(GAP_REASONS.values())
    yield "table of helpers' faults", list(CONTROL_FAULTS.values())
    yield "table of findings", [*_list_words(), *_list_constants()]


def _list_reasons() -> list[str]:
    """Why rules decide as they do, and why something was not tried, as rows hold it."""
    return [*(rule.why for rule in list_rules()), *(rule.why for rule in POPULATION_RULES), OPTED_OUT, CLOSED_NAMELESS,
            RAN_OUT, PAGE_UNASKED, NO_FAMILY, RETIRED, ANSWERED_FOR_EVERYBODY]


def _list_words() -> list[str]:
    """What a finding is about, as it stands in the code."""
    files = (Path(str(module.__file__)) for module in (installation_checks, status_findings))
    found = [word for path in files for word in _WORD.findall(path.read_text(encoding="utf-8"))]
    return list(dict.fromkeys([*found, "network now", "resolver now", "privilege", "configuration"]))


def _list_constants() -> Iterator[str]:
    for name, value in vars(status_findings).items():
        if name.endswith(_PASSED):
            yield from value.values() if isinstance(value, dict) else (value,)
