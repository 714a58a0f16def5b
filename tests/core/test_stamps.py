"""Times of results: one form when they are written, UTC when they are read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import click
import pytest

from probe.core.stamps import format_time, make_id, parse_time
from probe.upkeep.commands.command_setup import parse_at

MOMENT = datetime(2017, 5, 4, 10, 0, 7, tzinfo=UTC)


@pytest.mark.parametrize("text", [
    "2017-05-04T10:00:07Z", "2017-05-04T10:00:07", "2017-05-04 12:00:07+02:00", "2017-05-04T04:30:07-05:30",
])
def test_a_time_is_read_as_utc_and_written_in_one_form(text: str) -> None:
    time = parse_time(text)
    assert (time, time.utcoffset(), format_time(time)) == (MOMENT, timedelta(), "2017-05-04T10:00:07Z")
    assert parse_at(text, lab=True) == MOMENT


@pytest.mark.parametrize("text", ["", "yesterday", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_time(text)
    with pytest.raises(click.UsageError, match="no time"):
        parse_at(text, lab=True)


def test_a_time_of_another_zone_is_written_in_utc() -> None:
    assert format_time(MOMENT.astimezone(timezone(timedelta(hours=9)))) == "2017-05-04T10:00:07Z"


def test_ids_sort_by_time_and_are_never_the_same() -> None:
    one, other, later = make_id(MOMENT), make_id(MOMENT), make_id(MOMENT + timedelta(seconds=1))
    assert one != other
    assert max(one, other) < later
    assert one.startswith("20170504T100007Z_")
