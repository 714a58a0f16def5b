"""Text from files and the network becomes a word of one of the tables here, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeVar, cast

Empty = Literal[""]
"""Of a field that may say nothing."""
W = TypeVar("W", bound=str)


def read_word(text: str, words: Iterable[W]) -> W:
    """`text` as one of `words`. Text that is none of them stays as it is: it equals no word, so no rule holds for it.

    So files of older and newer versions, and of others, are read whole, and written again as they were. `words` only
    tells the type: whoever must refuse other text does so before.
    """
    return cast("W", text)
