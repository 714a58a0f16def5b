"""The Python blocks of pages that need only example data run as they are printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from probe_analysis.examples.example_files import unpack_example
from project_root import ROOT

FOLDERS = ("collected", "results/demo")
"""What the pages call a folder of results."""
ELSEWHERE = ("lake/", "https://host/")
"""What a block names that needs more than an example."""


@pytest.mark.parametrize("page", ["README.md", "docs/analysis.md", "docs/tutorial.md"])
def test_blocks_run_one_after_the_other(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in FOLDERS:
        (tmp_path / name).mkdir(parents=True)
        unpack_example("may-2017", tmp_path / name)
    monkeypatch.chdir(tmp_path)
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL)
              if not any(word in block for word in ELSEWHERE)]
    assert blocks
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block.replace('("collected")', '("collected", lab=True)'), page, "exec"), names)
