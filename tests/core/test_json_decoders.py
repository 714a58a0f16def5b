"""Messages are decoded in several threads, also those of a type that nobody has decoded before."""

from __future__ import annotations

import re
import subprocess
import sys

import msgspec
import pytest

from probe.core.json_decoders import decode_json, get_decoder
from project_root import ROOT

RACE = '''\
from __future__ import annotations
import sys, threading
from typing import Annotated
import msgspec
from probe.core.json_decoders import decode_json

sys.setswitchinterval(1e-6)
for number in range(200):
    class Kind(msgspec.Struct, frozen=True):  # its annotations are texts, which take msgspec a while
        a: Annotated[str, msgspec.Meta(max_length=9)]
        b: int | None = None
        c: tuple[str, ...] = ()
    ready, told = threading.Barrier(6), []
    def decode():
        ready.wait()
        told.append(decode_json(b'{"a":"x","c":["y"]}', Kind))
    threads = [threading.Thread(target=decode) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == [Kind(a="x", c=("y",))] * 6
'''
_TYPED = re.compile(r"msgspec\.json\.(?:decode\([^\n]*type=|Decoder\(\w)")


class _Word(msgspec.Struct, frozen=True):
    a: int


def test_threads_that_meet_a_new_type_at_once_do_not_crash() -> None:
    """Without the lock, msgspec 0.22 ends this program by a segmentation fault."""
    done = subprocess.run([sys.executable, "-c", RACE], capture_output=True, check=False, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr[-500:]


def test_a_decoder_is_made_once_and_reads_what_msgspec_reads() -> None:
    assert get_decoder(_Word) is get_decoder(_Word)
    assert decode_json(b'{"a":1}', _Word) == _Word(a=1)
    assert decode_json("[1]", list[int]) == [1]


@pytest.mark.parametrize("wrong", [b"", b'{"a":"1"}', b"[]", b"\xff", b"[" * 100_000])
def test_what_is_no_such_message_is_refused(wrong: bytes) -> None:
    with pytest.raises((ValueError, RecursionError)):
        decode_json(wrong, _Word)


def test_nobody_else_makes_decoders_of_types() -> None:
    """Where `dec_hook` is needed a program of one thread does it."""
    found = [(path.name, line) for room in ("probe", "lab/probe_lab") for path in sorted((ROOT / room).rglob("*.py"))
             if path.name != "json_decoders.py" for line in path.read_text(encoding="utf-8").splitlines()
             if _TYPED.search(line) and "dec_hook" not in line]
    assert found == []
