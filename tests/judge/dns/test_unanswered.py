"""Silence about one name on lines that lose questions: when may it be chance?"""

from __future__ import annotations

import pytest

from observations import NEAR4, TIMEOUT, lookup
from probe.judge.dns.unanswered import QuestionCount, count_questions, may_be_chance

ALL, HALF = QuestionCount(6, 6), QuestionCount(6, 3)
"""Three attempts at both kinds of address: none answered, or those for one kind alone."""


@pytest.mark.parametrize(("own", "others", "names", "chance"), [
    (ALL, [QuestionCount(2, 0)] * 11, 12, False),
    (HALF, [QuestionCount(4, 0)] * 11, 12, False),
    (ALL, [QuestionCount(2, 0)] * 300, 301, False),
    (ALL, [QuestionCount(3, 0)], 1, False),
    (QuestionCount(3, 3), [QuestionCount(3, 0)], 1, False),
    (QuestionCount(3, 3), [], 1, True),
    (HALF, [QuestionCount(4, 1)] * 11, 12, True),
    (ALL, [QuestionCount(4, 1)] * 11, 12, False),
    (ALL, [QuestionCount(6, 3)] * 11, 12, True),
    (QuestionCount(6, 0), [QuestionCount(6, 0)] * 11, 12, True),
    (QuestionCount(), [QuestionCount(2, 0)] * 11, 12, True),
], ids=["a clean line", "one kind alone", "many names", "one name", "and one kind", "nothing to compare with",
        "a lossy line, one kind", "a lossy line, both", "a bad one", "all answered", "never asked"])
def test_what_chance_explains(own: QuestionCount, others: list[QuestionCount], names: int, chance: bool) -> None:
    assert may_be_chance(own, others, names=names) == chance


def test_names_that_are_never_answered_say_nothing_of_the_line() -> None:
    others = [*[ALL] * 5, *[QuestionCount(2, 0)] * 5]
    assert not may_be_chance(ALL, others, names=11)


def test_a_line_that_loses_a_third_each_way_convicts_nobody() -> None:
    """Twelve names on such a line, as once measured: three questions for addresses of IPv4 in vain, of IPv6 none."""
    others = [QuestionCount(2, 1)] * 6 + [QuestionCount(2, 0)] * 4 + [QuestionCount(4, 1)]
    assert may_be_chance(HALF, others, names=12)


def test_questions_to_the_networks_resolver_count_and_else_the_systems() -> None:
    system = [lookup(resolver="system", failure=TIMEOUT, name="a.example")]
    direct = [lookup(NEAR4, name="a.example"), lookup(failure=TIMEOUT, name="a.example"),
              lookup(failure="dns_nxdomain_error", name="a.example"),
              lookup(failure=TIMEOUT, name="a.example", reason="not tried"),
              lookup(failure=TIMEOUT, name="b.example", purpose="innocent"),
              lookup(failure=TIMEOUT, name="a.example", resolver="public")]
    assert count_questions([*system, *direct]) == QuestionCount(3, 1)
    assert count_questions(system) == QuestionCount(1, 1)
    assert count_questions([]) == QuestionCount()
