"""From where runs came, held against what they name: per run, per name, and through to who is established."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from probe.cli.main import cli
from probe.core.runs import Run, Vantage
from probe.store.archive.name_origins import (
    NAME_ORIGINS_FILE,
    NameOrigins,
    is_elsewhere,
    read_name_origins,
)
from probe.store.archive.own_files import RUN_ORIGINS_FOLDER, list_top_files
from probe.store.archive.sealed_runs import read_recipient, seal
from probe.store.archive.vouched_names import read_vouched_names
from probe.store.files.atomic import StoreError
from probe_analysis.exports.established_probes import count_established
from probe_operate.collect.collecting import CollectResult, collect_runs
from probe_operate.collect.record_writing import write_name_origins
from probe_operate.collect.run_origins import judge_origin
from probe_operate.collect.sealed_reading import OpeningKeys
from probe_operate.collect.upload_origins import UploadOrigin, read_upload_origins
from stored import a_result
from told_inbox import FolderInbox, ToldInbox, claiming, key_of, word_of

TODAY = date(2026, 11, 20)


@pytest.fixture
def inbox(tmp_path: Path) -> ToldInbox:
    return ToldInbox(root=tmp_path / "at")


def collect(inbox: ToldInbox, out: Path, day: date = TODAY, *, told: bool = True, remote: bool = False,
            keys: OpeningKeys | None = None) -> CollectResult:
    origins = read_upload_origins(inbox.origins, day) if told else None
    source = FolderInbox(root=inbox.uploads) if remote else inbox.uploads
    return collect_runs([source], out, today=day, origins=origins, keys=keys)


def known(out: Path, day: date = TODAY) -> set[str]:
    """The volunteers of the tests who are known in network 64500."""
    record = read_vouched_names(out)
    return {who for who in "abcd" if record and record.find(key_of(who).name, 64500, day)}


def words(out: Path) -> dict[str, str]:
    made: dict[str, str] = {}
    for path in (out / RUN_ORIGINS_FOLDER).iterdir():
        with path.open() as file:
            made |= {row["run_id"]: row["origin"] for row in csv.DictReader(file)}
    return made


# ---- one run

@pytest.mark.parametrize(("seen", "claimed", "wanted"), [
    ((64500, "RU"), (64500, "RU"), "same"), ((64501, "RU"), (64500, "RU"), "other"),
    ((64500, "US"), (64500, "RU"), "other"),  # one network in several countries
    ((64500, "ZZ"), (64500, "RU"), "same"), ((64500, "RU"), (64500, "ZZ"), "same"),
    ((0, "ZZ"), (64500, "RU"), "unknown"), ((64500, "RU"), (0, "RU"), "unknown"), (None, (64500, "RU"), "unknown"),
])
def test_a_runs_origin(seen: tuple[int, str] | None, claimed: tuple[int, str], wanted: str) -> None:
    origin = UploadOrigin(asn=seen[0], cc=seen[1], prefix="ab" * 12) if seen else None
    vantage = Vantage(probe_asn=claimed[0], probe_cc=claimed[1], geo_asn_ipv6=64501)
    run = Run(run_id="r", measurement_start_time="2026-11-20T06:00:00Z", vantage=vantage)
    found = judge_origin(run, origin)
    assert (found.word, bool(found.prefix)) == (wanted, seen is not None)


# ---- one name

@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(("same", "other", "unknown"))), max_size=40))
def test_a_name_is_elsewhere_on_the_days_on_which_most_had_come_from_elsewhere(
        steps: Sequence[tuple[int, str]]) -> None:
    """What is said of a day stays, whatever comes later."""
    name, day, said = NameOrigins(), TODAY, dict[date, bool]()
    for later, word in steps:
        day += timedelta(days=later)
        name.counts[word] += 1  # type: ignore[index]
        name.settle(day)
        said[day] = 0 < name.counts["other"] >= name.counts["same"]
        assert {one: is_elsewhere({("a", 1): name.elsewhere}, ("a", 1), one) for one in said} == said


def test_who_comes_and_goes_too_often_stays_elsewhere(tmp_path: Path) -> None:
    name = NameOrigins()
    for number in range(500):
        name.counts["other" if number % 2 == 0 else "same"] += 1
        name.counts["same"] += number % 2
        name.counts["other"] += 1 - number % 2
        name.settle(TODAY + timedelta(days=number))
    write_name_origins(tmp_path / "n.csv", {("a", 1): name})
    assert read_name_origins(tmp_path / "n.csv") == {("a", 1): name}
    assert name.elsewhere[-1].end is None


@pytest.mark.parametrize("text", ["x\n1\n", "probe_id,asn,same,other,unknown,elsewhere\na,b,1,1,1,\n",
                                  "probe_id,asn,same,other,unknown,elsewhere\na,1,1,1,1,2026\n",
                                  "probe_id,asn,same,other,unknown,elsewhere\na,1,1\n",
                                  "probe_id,asn,same,other,unknown,elsewhere\na,1,1,1,1\n"])
def test_a_record_that_is_none_is_told(text: str, tmp_path: Path) -> None:
    (tmp_path / NAME_ORIGINS_FILE).write_text(text)
    with pytest.raises(StoreError):
        read_vouched_names(tmp_path)


# ---- a collection

def make_sealing() -> tuple[Callable[[str, bytes], tuple[str, bytes]], OpeningKeys]:
    pyrage = pytest.importorskip("pyrage")
    identity = pyrage.x25519.Identity.generate()
    recipient = read_recipient(str(identity.to_public()))
    return lambda name, content: seal(name, content, recipient), OpeningKeys.of([identity])


@pytest.mark.parametrize("remote", [False, True])
@pytest.mark.parametrize("how", ["archive", "file", "sealed"])
def test_each_run_is_told_and_who_was_elsewhere_is_not_known(inbox: ToldInbox, tmp_path: Path, how: str,
                                                             remote: bool) -> None:
    """However it came: as an archive, sealed, or as a plain folder, which the inbox takes as well."""
    sealing, keys = make_sealing() if how == "sealed" else (None, None)
    for who, asn in (("a", 64500), ("b", 64501), ("c", None)):
        inbox.send(claiming(a_result(), f"r-{who}"), who, TODAY, asn=asn, prefix=who, as_file=how == "file",
                   seal=sealing)
    done = collect(inbox, out := tmp_path / "out", remote=remote, keys=keys)
    assert done.origins == {"same": 1, "other": 1, "unknown": 1}
    assert words(out) == {"r-a": "same", "r-b": "other", "r-c": "unknown"}
    assert known(out) == {"a", "c"}
    record = read_vouched_names(out)
    assert record is not None
    assert {told.prefix for told in record.names.values()} == {word_of("a"), ""}
    assert collect(inbox, out, TODAY + timedelta(days=1), remote=remote, keys=keys).origins == {}
    assert words(out) == {"r-a": "same", "r-b": "other", "r-c": "unknown"}
    beside = {path.name for path in list_top_files(out)}
    assert {NAME_ORIGINS_FILE, f"{TODAY}.csv"} <= beside


def test_without_origins_all_is_as_it_was(inbox: ToldInbox, tmp_path: Path) -> None:
    inbox.send(claiming(a_result(), "r-a"), "a", TODAY, asn=64501)
    done = collect(inbox, out := tmp_path / "out", told=False)
    assert (done.origins, known(out)) == (None, {"a"})
    assert not (out / RUN_ORIGINS_FOLDER).exists()
    assert not (out / NAME_ORIGINS_FILE).exists()


def test_most_runs_of_a_name_count_and_a_later_day_changes_no_earlier_one(inbox: ToldInbox, tmp_path: Path) -> None:
    """a uploads once by a proxy; b was there once and is elsewhere then; c comes home."""
    out, day = tmp_path / "out", timedelta(days=1)
    sent = [("a", 64500, 3), ("b", 64500, 1), ("c", 64501, 1), ("d", 64501, 1)]
    for turn, more in enumerate(([], [("a", 64501, 1), ("b", 64501, 2), ("c", 64500, 2)])):
        for who, asn, count in more or sent:
            for number in range(count):
                inbox.send(claiming(a_result(), f"r-{who}-{turn}-{number}"), who, TODAY + turn * day, asn=asn)
        collect(inbox, out, TODAY + turn * day)
        assert known(out, TODAY) == {"a", "b"}
    assert known(out, TODAY + day) == {"a", "c"}


def test_a_record_of_nobody_is_a_record(inbox: ToldInbox, tmp_path: Path) -> None:
    """Else forged names would be judged by the times of their own runs."""
    inbox.send(claiming(a_result(), "r-a"), "a", TODAY, asn=64501)
    collect(inbox, out := tmp_path / "out")
    record = read_vouched_names(out)
    assert record is not None
    assert [record.speaks_of(TODAY + timedelta(days=days)) for days in (2, 3)] == [False, True]
    assert (record.begin, known(out)) == (TODAY, set())


def test_two_of_a_prefix_count_and_others_behind_other_prefixes(inbox: ToldInbox, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for who, prefix in (("a", "x"), ("b", "x"), ("c", "x"), ("d", "y")):
        inbox.send(claiming(a_result(), f"r-{who}"), who, TODAY, prefix=prefix)
    collect(inbox, out)
    until = TODAY + timedelta(days=4)
    names = {until: {key_of(who).name for who in "abcd"}}
    assert count_established(names, until, 64500, read_vouched_names(out)) == 3


def test_the_command_takes_what_the_service_wrote(inbox: ToldInbox, tmp_path: Path) -> None:
    inbox.send(claiming(a_result(), "r-a"), "a", date.today(), asn=64501)
    done = CliRunner().invoke(cli, ["collect", str(inbox.uploads), "-o", str(tmp_path / "out"), "--origins",
                                    str(inbox.origins), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["origins"] == {"same": 0, "other": 1, "unknown": 0}
