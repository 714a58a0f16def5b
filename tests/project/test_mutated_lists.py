"""Spoiled lists are refused by row and reason, or harmless; runs with some of them end in time."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mutated_lists import LISTS, find_problems, make_list
from probe.catalogue.load import parse_catalogue
from probe.core.endpoints import Endpoint
from probe.instruments.messengers.reply_pattern import MAX_MATCHED_BYTES, find_reply_mismatch
from project_root import ROOT

REPLIES = (b"a" * MAX_MATCHED_BYTES, b"\0" * MAX_MATCHED_BYTES)


def list_patterns(content: bytes) -> set[str]:
    endpoints: tuple[Endpoint, ...] = parse_catalogue(content, "signed list", "signed").endpoints
    return {endpoint.expect.reply for endpoint in endpoints}


@pytest.mark.parametrize("lists", [120, pytest.param(LISTS, marks=pytest.mark.slow)])
def test_a_spoiled_list_is_refused_by_row_and_reason_or_harmless(lists: int) -> None:
    patterns, refused = set[str](), 0
    for number in range(lists):
        content = make_list(number)
        if problems := find_problems(content):
            refused += 1
            assert all(p.reason and (p.line > 0 or p.column == "file") for p in problems), number
        else:
            patterns |= list_patterns(content)
    assert lists // 4 < refused < lists * 9 // 10, "a generator of bad lists alone would try no run"
    for reply in REPLIES:
        assert all(isinstance(find_reply_mismatch(pattern, reply, {}), str) for pattern in patterns)


@pytest.mark.slow
def test_runs_with_spoiled_lists_end_in_time() -> None:
    done = subprocess.run([sys.executable, "tools/mutated_lists.py", "--lists", "12"], cwd=ROOT, capture_output=True,
                          text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
