"""What each text of consent in force allows: no upgrade silences a schedule, and none sends what nobody agreed to."""

from __future__ import annotations

from pathlib import Path

import pytest

from consent_world import TODAY, agreed, call
from consent_world import home as home
from probe.config.consent.consent_check import explain_refusal, may_send
from probe.config.consent.setup_answers import Answers, list_changes
from probe.config.settings import Settings, load_settings
from probe.core.tables.consent_words import SENT, TEXTS_IN_FORCE, list_sent


@pytest.mark.parametrize("text", TEXTS_IN_FORCE[:-1])
@pytest.mark.parametrize("level", [1, 2, 3])
def test_an_earlier_text_allows_what_it_said_unasked(text: int, level: int) -> None:
    """No upgrade silences a schedule, and none sends what nobody agreed to."""
    former = agreed(level, text=text, sends=list_sent(level, text=text))
    assert explain_refusal(former, lab=False) == ""
    new = {row.word for row in SENT if row.since > text}
    assert new
    assert not [word for word in new if may_send(former, word, lab=False)]
    assert all(may_send(former, word, lab=False) for word in list_sent(level, text=text))


@pytest.mark.parametrize(("cc", "said", "sends"), [
    ("DE", None, True), ("DE", False, False), ("TR", None, False), ("TR", True, True), ("RU", None, False),
    ("RU", True, False), ("ZZ", None, False)])
def test_first_words_of_chats_are_sent_at_level_1_where_the_country_allows_it(
    cc: str, said: bool | None, sends: bool,
) -> None:
    changes = list_changes(Answers(country=cc, chat=said), Settings(), known=("signal", "telegram"), today=TODAY)
    sent = changes["consent"]["sends"]
    assert isinstance(sent, tuple)
    assert ("chat_words" in sent) is sends
    assert set(list_sent(1)) <= set(sent)


@pytest.mark.parametrize(("said", "sends"), [("", False), ("n", False), ("y", True)])
def test_in_a_careful_country_each_person_is_asked_for_them(home: Path, said: str, sends: bool) -> None:
    result = call("setup", said=f"TR\n\nn\nc\na\nb\ny\n\n{said}\n\n\n\n\n\n")
    assert result.exit_code == 0, result.output
    assert may_send(load_settings(), "chat_words", lab=False) is sends
