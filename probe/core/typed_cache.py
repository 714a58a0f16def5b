"""`functools.lru_cache` whose calls a type checker still checks: the library's own forgets what it was given."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import ParamSpec, Protocol, TypeVar, cast

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)


class Cached(Protocol[P, R_co]):
    """A function that keeps its results."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...

    def cache_clear(self) -> None:
        """Forget them all."""


def keep_results(most: int) -> Callable[[Callable[P, R_co]], Cached[P, R_co]]:
    """Keep the `most` results that were asked for last; arguments must be hashable."""
    def wrap(function: Callable[P, R_co]) -> Cached[P, R_co]:
        return cast("Cached[P, R_co]", lru_cache(maxsize=most)(function))

    return wrap
