"""A public network with each of its faults, through the command that makes a feed of it: told, bounded, harmless."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from lab_feeds import World, world
from probe.controls.feeds.feed_document import read_feed
from probe.upkeep.commands.exit_codes import EXIT_FAILED
from probe_lab.host.public_network import PublicStyle

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(300)]
FEW_TESTS = ("--tests", "60")
ENDED_S = 60
"""A fast round lasts two minutes at most; none of these faults may use them up."""


@contextmanager
def made_with(style: PublicStyle) -> Iterator[tuple[World, int, bytes]]:
    """The world, the exit status of the feed's maker, and the feed, empty where there is none."""
    with world("ip-drop", public_network=style) as here:
        status, path = here.publish_public("world", *FEW_TESTS)
        yield here, status, path.read_bytes() if path.exists() else b""


def list_unprintable(*texts: str) -> Sequence[str]:
    """Characters that a terminal acts on, or that turn the direction of what follows."""
    return [c for text in texts for c in text if c != "\n" and unicodedata.category(c).startswith("C")]


@pytest.mark.parametrize(("style", "word"), [
    ("huge", "too_large"), *(pytest.param(style, word, marks=pytest.mark.long) for style, word in (
        ("offline", "no_probes"), ("quota", "limit"), ("malformed", "unread"), ("other_target", "garbage")))])
def test_what_says_nothing_is_not_published_and_named(style: PublicStyle, word: str) -> None:
    with made_with(style) as (here, status, raw):
        assert (status, raw) == (EXIT_FAILED, b"")
        assert word in here.reports["world"]["why"]
        assert here.reports["world"]["published"] is False


@pytest.mark.long
def test_a_used_up_quota_is_asked_once() -> None:
    with made_with("quota") as (here, _, _):
        assert len(here.laboratory.read_public_log()) == 1
        here.publish_public("world", *FEW_TESTS)
        assert len(here.laboratory.read_public_log()) == 1


@pytest.mark.long
def test_slow_answers_are_waited_for_in_the_end() -> None:
    with made_with("slow") as (here, status, raw):
        assert status == 0
        assert [entry.state for entry in read_feed(raw).entries if entry.state != "ok"] == []
        assert here.reports["world"]["runtime_s"] < ENDED_S


def test_markup_and_escapes_get_into_nothing() -> None:
    with made_with("markup") as (here, status, raw):
        assert status == 0
        assert read_feed(raw).entries
        assert list_unprintable(raw.decode(), here.told["world"], *_list_texts(here.reports["world"])) == []
        assert list_unprintable(*_list_texts(json.loads(raw))) == []


def _list_texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in _list_texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in _list_texts(part)]
    return [value] if isinstance(value, str) else []
