"""What was done is never shown to fall, whatever the work tells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.core.languages import LANGUAGES
from probe.core.line_folding import count_columns
from probe.core.progress import Forward
from probe.core.translation import speak
from probe.upkeep.commands.run_progress import RunProgress


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), min_size=1, max_size=40))
def test_the_share_never_falls_though_work_is_asked_for_again(told: list[tuple[int, int]]) -> None:
    work, shares = Forward(), []
    for done, total in told:
        work.tell(done, max(done, total))
        shares.append(work.share)
    assert shares == sorted(shares)
    assert shares[0] >= 0.0
    assert shares[-1] <= 1.0


@given(st.lists(st.integers(0, 218), min_size=1, max_size=40))
def test_the_count_of_a_run_never_falls(told: list[int]) -> None:
    work, shown = Forward(), []
    for done in told:
        work.tell(done, 218)
        shown.append(work.done)
    assert shown == sorted(shown)
    assert shown[-1] == max(told)


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("done", [0, 40, 217, 218])
def test_the_line_of_a_run_fits_eighty_columns_in_every_language(code: str, done: int) -> None:
    with speak(code):  # type: ignore[arg-type]
        progress = RunProgress(done=done, total=218 if done else 0, elapsed_s=1.0, deadline_s=7200.0)
        assert progress.describe(80) == progress.describe(1000)
        assert count_columns(progress.describe(80)) < 80
