"""Making a feed of Globalping: leave and token, what is asked first, going on after a break, and its refusals."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from globalping_made import (
    ADDRESS,
    HOST,
    MADE_ID,
    PAGE,
    ScriptedApi,
    answer,
    http_result,
    ping_result,
    probe,
    serving_api,
)
from probe.catalogue.load import load_catalogue
from probe.catalogue.types import Catalogue
from probe.config.settings import PublicControlSettings, Settings, SettingsError
from probe.controls.feeds.feed_document import FeedError, read_feed, write_feed
from probe.controls.globalping import api_client
from probe.controls.globalping.answers import Sighting
from probe.controls.globalping.endpoint_questions import make_trial_question
from probe.controls.globalping.questions import Question
from probe.controls.globalping.sighting_book import BookedQuestion
from probe.core.endpoints import Endpoint
from probe.core.observations import Observation
from probe.core.runs import Run, RunResult, Vantage
from probe.core.verdicts import Verdict
from probe.store.files.atomic import StoreError
from probe.store.runs.run_writer import write_run
from probe.upkeep.updates.globalping_access import VARIABLE, read_globalping_token
from probe_operate.feeds.asked_rows import MAX_ADDRESSES, AskedRows, read_asked_rows
from probe_operate.feeds.globalping_leave import explain_lacking_leave
from probe_operate.feeds.globalping_round import NO_TURN, GlobalpingRound, RoundResult, make_globalping_feed
from probe_operate.feeds.globalping_state import KEEP_S, GlobalpingState

TOKEN = "secret-token-of-ours"
TODAY = date(2026, 11, 28)
SITE = Endpoint(target_id="chat.web.main", service="chat", role="web", tier=1, input=f"https://{HOST}/",
                protocol="http", host=HOST, port=443, address=ADDRESS, sni=HOST, trust="web_pki", alpn=("http/1.1",))
OTHER = replace(SITE, target_id="chat.web.other", input="https://other.example.org/", host="other.example.org",
                sni="other.example.org", tier=2)
WELL = tuple(Sighting(cc=cc, asn=n, address=ADDRESS, secure=True, trusted=True) for n, cc in ((1, "DE"), (2, "US")))


def asks(**public: object) -> Settings:
    return Settings(public_controls=PublicControlSettings(**public))  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.mark.parametrize(("told", "lacking"), [
    ("", True), ("2026-11-28", False), ("2020-01-01", False), ("2026-11-29", True), ("yes", True),
    ("2026-13-40", True)])
def test_a_feed_takes_a_written_leave(told: str, lacking: bool) -> None:
    assert bool(explain_lacking_leave(asks(globalping_leave=told), today=TODAY)) is lacking


def test_a_token_comes_from_a_file_of_ones_own_or_the_environment(tmp_path: Path,
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    file.chmod(0o600)
    assert read_globalping_token(asks()) == ""
    assert read_globalping_token(asks(globalping_token_file=str(file))) == TOKEN
    monkeypatch.setenv(VARIABLE, "another")
    assert read_globalping_token(asks(globalping_token_file=str(file))) == "another"


@pytest.mark.parametrize(("content", "mode"), [
    (TOKEN, 0o644), (TOKEN, 0o640), ("two words", 0o600), ("line\r\nHost: other", 0o600), ("x" * 5000, 0o600),
    ("t\u00f6ken", 0o600)])
def test_what_is_no_safe_token_is_refused_and_never_shown(tmp_path: Path, content: str, mode: int) -> None:
    file = tmp_path / "token"
    file.write_text(content)
    file.chmod(mode)
    with pytest.raises(SettingsError) as refused:
        read_globalping_token(asks(globalping_token_file=str(file)))
    assert content[:8] not in str(refused.value).removeprefix(str(file))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="nowhere"):
        read_globalping_token(asks(globalping_token_file=str(tmp_path / "nowhere")))


def catalogue(*endpoints: Endpoint) -> Catalogue:
    whole = load_catalogue(search=False)
    absent = tuple(e for e in whole.endpoints if (c := whole.controls.get(e.target_id)) and c.kind == "closed_port")
    return replace(whole, endpoints=(*endpoints, *absent))


def absent_question() -> Question:
    whole = catalogue()
    return make_trial_question(whole.endpoints[0])


def make(script: ScriptedApi, *known: BookedQuestion, endpoints: tuple[Endpoint, ...] = (SITE,), tests: int = 400,
         asked: AskedRows | None = None) -> RoundResult:
    state = GlobalpingState("world")
    for one in known:
        state.keep(one)
    order = GlobalpingRound(name="world", catalogue=catalogue(*endpoints), tier=3, tests=tests, deadline_s=60.0,
                            url=script.url, token=TOKEN, asked=asked or AskedRows())
    return make_globalping_feed(order, state, before=None)


def ended(question: Question, *sightings: Sighting, ago_s: float = 60.0) -> BookedQuestion:
    return BookedQuestion(question=question, made_id=MADE_ID, ended=True, at_s=time.time() - ago_s,
                          sightings=sightings)


TRIED = ended(absent_question())
PLACED = Question(kind="http", target=ADDRESS, port=443, host=HOST)


def test_what_is_known_is_published_with_its_age() -> None:
    with serving_api(ScriptedApi(looks=[(404, b"", {})])) as script:
        done = make(script, TRIED, ended(PLACED, *WELL, ago_s=600.0))
        assert script.asked == []
    (entry,) = done.made.entries
    assert (entry.input, entry.state, entry.proof) == (SITE.input, "ok", "tls")
    measured = done.made.begun + timedelta(seconds=entry.at)
    assert 590 <= (datetime.now(UTC) - measured).total_seconds() <= 700
    assert read_feed(write_feed(done.made)) == done.made


def test_a_round_that_was_broken_off_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_client, "POLL_S", 0.01)
    items = [(probe(cc, n), http_result()) for n, cc in ((1, "US"), (2, "DE"), (3, "JP"))]
    items += [(probe(cc, n), http_result()) for n, cc in enumerate(("FR", "NL", "GB", "SE", "PL"), start=4)]
    with serving_api(ScriptedApi(looks=[(200, answer(PAGE, *items), {})])) as script:
        begun = BookedQuestion(question=PLACED, made_id=MADE_ID, at_s=time.time() - 30)
        done = make(script, TRIED, begun, tests=0)
        assert script.asked == []
    assert [entry.state for entry in done.made.entries] == ["ok"]
    kept = {one.question: one for one in GlobalpingState("world").known}
    assert kept[PLACED].ended


def test_who_says_that_nothing_answers_is_not_believed() -> None:
    with serving_api(ScriptedApi(looks=[(404, b"", {})])) as script, pytest.raises(FeedError):
        make(script, ended(absent_question(), *WELL), ended(PLACED, *WELL))


@pytest.mark.parametrize("status", [429, 401, 500, 422])
def test_where_it_refuses_nothing_new_is_published(status: int) -> None:
    with serving_api(ScriptedApi(looks=[(404, b"", {})], created=(status, b"{}", {"Retry-After": "9"}))) as script:
        with pytest.raises(FeedError):
            make(script)
        assert len(script.asked) >= 1


def test_while_it_wants_to_be_left_alone_nothing_is_asked() -> None:
    limit = (429, b"{}", {"Retry-After": "600"})
    with serving_api(ScriptedApi(looks=[(404, b"", {})], created=limit)) as script:
        for _ in range(2):
            with pytest.raises(FeedError):
                make(script)
        assert len(script.asked) == 1


def test_within_its_budget_what_volunteers_ask_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_client, "POLL_S", 0.01)
    told = AskedRows(inputs=Counter({OTHER.input: 3}))
    opened = answer(absent_question(), (probe("US", 1), ping_result(0)))
    with serving_api(ScriptedApi(looks=[(200, opened, {})])) as script:
        with pytest.raises(FeedError):
            make(script, TRIED, endpoints=(SITE, OTHER), tests=3, asked=told)
        hosts = [asked["measurementOptions"]["request"]["host"] for asked in script.asked
                 if asked["type"] == "http"]
    assert hosts == [OTHER.host]


def test_what_had_no_turn_is_told() -> None:
    with serving_api(ScriptedApi(looks=[(404, b"", {})])) as script:
        done = make(script, TRIED, ended(PLACED, *WELL), endpoints=(SITE, replace(OTHER, address="8.8.8.8")), tests=0)
    assert done.left_out == {NO_TURN: (OTHER.input,)}
    assert done.troubles == {"no_budget": 3}


def test_old_and_damaged_state_is_none(tmp_path: Path) -> None:
    state = GlobalpingState("world", tmp_path)
    state.keep(ended(PLACED, *WELL, ago_s=KEEP_S + 60))
    state.keep(ended(absent_question()))
    state.finish()
    assert [one.question for one in GlobalpingState("world", tmp_path).known] == [absent_question()]
    (tmp_path / "globalping" / "world.json").write_bytes(b'[{"question":')
    assert GlobalpingState("world", tmp_path).known == ()
    assert TOKEN not in json.dumps(msgspec.to_builtins(list(state.known)))


def stored(folder: Path, run_id: str, *addresses: str, outcome: str = "blocked", lab: bool = False,
           url: str = SITE.input) -> None:
    start = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    run = Run(run_id=run_id, measurement_start_time=start, vantage=Vantage(probe_cc="TR", lab=lab))
    seen = tuple(Observation(observation_id=f"{run_id}.{n}", sequence=n, run_id=run_id, operation="connect", input=url,
                             address=address, failure="generic_timeout_error") for n, address in enumerate(addresses))
    said = Verdict(target_id=SITE.target_id, service="chat", role="web", input=url, outcome=outcome)  # type: ignore[arg-type]
    write_run(RunResult(run=run, observations=seen, controls=(), verdicts=(said,), services=()), folder, parquet=False)


def test_rows_tell_what_fails_and_where(tmp_path: Path) -> None:
    stored(tmp_path, "r-1", ADDRESS, "10.0.0.1", "near", *(f"8.8.8.{n}" for n in range(9)))
    stored(tmp_path, "r-2", ADDRESS)
    stored(tmp_path, "r-3", "9.9.9.9", outcome="ok")
    stored(tmp_path, "r-4", "9.9.9.9", url="https://somebodys.own.example/")
    told = read_asked_rows((tmp_path,), {SITE.input}, since=date(2026, 1, 1), lab=False)
    assert (told.inputs, told.countries, told.runs) == (Counter({SITE.input: 2}), ("TR",), 4)
    assert told.addresses[SITE.input][0] == ADDRESS
    assert len(told.addresses[SITE.input]) == MAX_ADDRESSES
    assert set(told.addresses) == {SITE.input}


def test_rows_of_the_laboratory_ask_nothing_of_the_world(tmp_path: Path) -> None:
    stored(tmp_path, "r-1", ADDRESS, lab=True)
    assert read_asked_rows((tmp_path,), {SITE.input}, since=date(2026, 1, 1), lab=False).inputs == Counter()
    with pytest.raises(StoreError):
        read_asked_rows((tmp_path / "nowhere",), {SITE.input}, since=date(2026, 1, 1), lab=False)
