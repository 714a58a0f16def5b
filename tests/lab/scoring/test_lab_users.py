"""Users' programs in the laboratory: what struck them, and how often the probe called that well."""

from __future__ import annotations

import io
import json
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import trustme

from lab_scenario_files import CATALOGUE, GOOD, write
from probe_lab.draw import draw_scenario
from probe_lab.format.scenario import load_scenario, read_scenario
from probe_lab.format.toml_table import ScenarioError
from probe_lab.lab_types import DrawnScenario
from probe_lab.scoring.judged import JudgedRow
from probe_lab.scoring.lost_targets import OF_OTHERS, count_lost, list_lost, sum_lost
from probe_lab.scoring.user_score import count_users
from probe_lab.truth import TruthEntry
from probe_lab.users import use_sites
from probe_lab.users.claims import list_unseen, speaks_for
from probe_lab.users.user_programs import IMPERSONATED, USER_PROGRAMS
from probe_lab.users.user_rows import SiteUse, UserRow, judge_uses


def row(word: str, got: str, *causes: str, claimed: bool = True) -> UserRow:
    return UserRow(program="chrome", target="https://chat.example/", word=word, causes=causes, got=got,
                   decided=got == "blocked", claimed=claimed)


CAUSE = "tls.reset.fingerprint"


@pytest.mark.parametrize(("rows", "counted"), [
    ([], (0, 0, 0)),
    ([row("cut", "ok", CAUSE)], (1, 1, 0)),
    ([row("cut", "ok", CAUSE, claimed=False)], (1, 0, 0)),
    ([row("cut", "blocked", CAUSE), row("timeout", "inconclusive", CAUSE)], (2, 0, 1)),
    ([row("served", "ok", CAUSE), row("cut", "ok"), row("served", "ok")], (0, 0, 0)),
], ids=["none", "called ok", "ok for others alone", "decided and left open", "not struck"])
def test_only_what_censorship_kept_from_users_counts(rows: list[UserRow], counted: tuple[int, int, int]) -> None:
    score = count_users([("fp", rows)])
    assert (score.rows, score.called_ok, score.decided) == counted
    assert [(miss.scenario, miss.program, miss.got) for miss in score.misses] == [("fp", "chrome", "ok")] * counted[1]


@pytest.mark.parametrize(("rows", "counted"), [
    ([], (0, 0, 0)),
    ([row("cut", "ok", CAUSE), row("served", "ok")], (1, 1, 0)),
    ([row("cut", "ok", CAUSE), row("served", "ok"), row("served", "ok")], (0, 0, 0)),
    ([row("cut", "blocked", CAUSE), row("failed", "blocked")], (1, 0, 1)),
    ([row("cut", "inconclusive", CAUSE)], (1, 0, 0)),
    ([row("cut", "ok", CAUSE, claimed=False), row("served", "ok")], (1, 0, 0)),
    ([row("cut", "ok", CAUSE, claimed=False), row("cut", "ok", CAUSE)], (1, 1, 0)),
], ids=["none", "half", "a third", "what it cannot use is no attempt", "left open", "ok for others alone",
        "ok for one of them"])
def test_a_target_is_lost_where_half_of_the_attempts_are(rows: list[UserRow], counted: tuple[int, int, int]) -> None:
    total = sum_lost(count_lost(list_lost([("fp", rows), ("clean", [])])))
    assert (total.rows, total.called_ok, total.decided) == counted
    twice = [("fp", rows), ("fp-again", rows)]
    assert [count.cause for count in count_lost(list_lost(twice))] == [CAUSE] * bool(counted[0])
    assert [each.scenario for each in count_users(twice).undecided] == (
        ["fp", "fp-again"] if counted[0] > counted[2] else [])


@pytest.mark.parametrize(("got", "claimed", "told"), [
    ("ok", True, "ok"), ("ok", False, OF_OTHERS), ("inconclusive", False, "inconclusive"),
])
def test_ok_for_other_programs_is_no_ok_for_those_that_lost_the_target(got: str, claimed: bool, told: str) -> None:
    (lost,) = list_lost([("fp", [row("cut", got, CAUSE, claimed=claimed)])])
    assert lost.got == told


def drawn() -> DrawnScenario:
    return draw_scenario(load_scenario("fp-browsers-reset"), seed=1, endpoints=CATALOGUE.endpoints)


def test_what_acts_meanwhile_at_the_target_acts_on_the_program() -> None:
    made = drawn()
    target, other = made.aliases["t"][0], made.aliases["t"][1]
    host = target.split("/")[2]
    uses = [SiteUse(program=name, target=target, word="cut", begin_s=begin_s, end_s=begin_s + 1.0)
            for name, begin_s in (("chrome", 10.0), ("openssl", 20.0))]
    uses.append(SiteUse(program="chrome", target=other, word="cut", begin_s=10.5, end_s=11.0))
    log = [TruthEntry(time_s=10.6, actor="middlebox", action="reset", block_type=CAUSE, name=host)]
    said = JudgedRow(subject=target, expected="", got="ok", met=True, may_be_blocked=True, accused=False)
    found = judge_uses(uses, log, made, [said])
    assert [(each.program, each.causes, each.got) for each in found] == [
        ("chrome", (CAUSE,), "ok"), ("openssl", (), "ok"), ("chrome", (), "missing")]


@pytest.mark.parametrize(("role", "spared", "program", "claimed"), [
    ("web", "chrome", "chrome", True),
    ("web", "chrome;firefox", "safari", False),
    ("web", "", "chrome", False),
    ("web", "", "openssl", True),  # our own hello is the library's
    ("web", "", "chrome_android", True),  # nothing is sent on its behalf: no excuse
    ("control", "", "chrome", True),
    ("a role of another version", "", "chrome", True),
])
def test_a_verdict_speaks_for_programs_whose_hellos_it_calls_answered(
    role: str, spared: str, program: str, claimed: bool,
) -> None:
    assert speaks_for(program, list_unseen({"role": role, "spared": spared})) == claimed


@pytest.mark.parametrize(("scenario", "at_times"), [("fp-browsers-reset", False), ("sni-often", True)])
def test_blocks_at_random_are_counted_apart(scenario: str, at_times: bool) -> None:
    """One run may not meet them: a series of runs is to find them."""
    made = draw_scenario(load_scenario(scenario), seed=1, endpoints=CATALOGUE.endpoints)
    target = made.aliases["t"][0]
    use = SiteUse(program="openssl", target=target, word="cut", begin_s=10.0, end_s=11.0)
    entry = TruthEntry(time_s=10.5, actor="middlebox", action="reset", block_type=CAUSE, name=target.split("/")[2])
    score = count_users([(scenario, judge_uses([use], [entry], made, []))])
    assert (sum_lost(score.lost).rows, sum_lost(score.lost_at_times).rows) == ((0, 1) if at_times else (1, 0))


def test_a_scenario_names_programs_that_there_are(tmp_path: Path) -> None:
    good = read_scenario(write(tmp_path, 'users = ["openssl"]\n' + GOOD))
    assert good.users == ("openssl",)
    with pytest.raises(ScenarioError, match="users"):
        read_scenario(write(tmp_path, 'users = ["netscape"]\n' + GOOD))
    assert set(IMPERSONATED) < set(USER_PROGRAMS)


@contextmanager
def server(replies: int, trust: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Takes one connection and answers so many requests on it; none: it ends the handshake at once."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(trust))
    monkeypatch.setattr(use_sites, "_TRUST", str(trust))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve() -> None:
            plain, _ = listener.accept()
            with plain, suppress(OSError):
                if not replies:
                    return
                with context.wrap_socket(plain, server_side=True) as stream:
                    for _ in range(replies):
                        if stream.recv(4096):
                            stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"https://localhost:{listener.getsockname()[1]}/"
        thread.join(5)


@pytest.mark.parametrize(("replies", "word"), [(use_sites.MESSAGES, "served"), (2, "closed"), (0, "cut")])
def test_a_messenger_must_be_answered_each_time(
    replies: int, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(use_sites, "BETWEEN_S", 0.0)
    with server(replies, tmp_path / "ca.pem", monkeypatch) as url:
        assert use_sites.use_site("messenger", url) == word


def test_a_messenger_stays_connected_in_the_clear_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve() -> None:
            stream, _ = listener.accept()
            with stream:
                stream.sendall(stream.recv(4096))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        assert use_sites.use_site("messenger", f"http://127.0.0.1:{listener.getsockname()[1]}/") == "closed"
        thread.join(5)


def test_orders_for_one_site_are_carried_out_one_after_another(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(use_sites, "use_site", lambda program, url: f"{program} at {url}")
    monkeypatch.setattr(sys, "stdin", io.StringIO('[["a", "x"], ["b", "y"], ["b", "x"]]'))
    use_sites.main()
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {(each["program"], each["target"], each["word"]) for each in told} == {
        ("a", "x", "a at x"), ("b", "y", "b at y"), ("b", "x", "b at x")}
    at_x = [each for each in told if each["target"] == "x"]
    assert [each["program"] for each in at_x] == ["a", "b"]
    assert at_x[0]["begin_s"] <= at_x[0]["end_s"] <= at_x[1]["begin_s"]


@pytest.mark.parametrize(("dom", "said", "word"), [
    (b"<html></html>", b"", "served"), (b"", b"Page load failed: net::ERR_CONNECTION_RESET", "failed"),
    (b"<html></html>", b"Page load failed: net::ERR_TIMED_OUT", "failed"),
])
def test_a_browser_is_served_where_it_shows_the_page(
    dom: bytes, said: bytes, word: str, monkeypatch: pytest.MonkeyPatch,
) -> None:
    done = subprocess.CompletedProcess[bytes]([], 0, stdout=dom, stderr=said)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    assert use_sites.use_site("chromium", "https://chat.example/") == word
