"""Kept results: the function runs once for equal arguments, again when they were forgotten."""

from __future__ import annotations

from probe.core.typed_cache import keep_results


def test_results_are_kept_until_cleared() -> None:
    asked: list[str] = []

    @keep_results(2)
    def measure(text: str) -> int:
        asked.append(text)
        return len(text)

    assert [measure("a"), measure("a"), measure("bc")] == [1, 1, 2]
    assert asked == ["a", "bc"]
    measure("def")  # the third pushes the first out
    measure("a")
    assert asked == ["a", "bc", "def", "a"]
    measure.cache_clear()
    measure("a")
    assert asked == ["a", "bc", "def", "a", "a"]
