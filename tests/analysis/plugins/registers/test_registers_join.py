"""Which targets a list names, and what `probe registers` says of it beside what was measured."""

from __future__ import annotations

import csv
import json
import socket
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from in_order import in_order
from loopback import requests_on, serving
from observations import observation, replace_flat
from probe.cli.main import cli
from probe.core.endpoints import Endpoint
from probe.core.runs import Run, RunResult, Vantage
from probe.core.tables.outcomes import Outcome
from probe.core.tables.roles import Role
from probe.core.verdicts import Verdict
from probe.store.runs.run_writer import write_run
from probe_analysis.plugins.registers.register_join import TargetIndex, join_list, list_parent_names
from probe_analysis.plugins.registers.register_types import ListDate, RefusedEntry, RegisterEntry
from probe_analysis.plugins.registers.register_words import MATCHES


def endpoint(target: str, url: str, *, host: str = "", address: str = "", role: Role = "chat") -> Endpoint:
    return Endpoint(target_id=target, service=target.partition(".")[0], role=role, tier=1, input=url, protocol="http",
                    host=host or url.partition("://")[2].partition("/")[0], port=443, address=address)


ENDPOINTS = (
    endpoint("a.web.main", "https://a.example/"),
    endpoint("a.chat.deep", "https://x.chat.a.example/page"),
    endpoint("b.chat.main", "https://b.example/"),
    endpoint("c.chat.dc", "tcpconnect://203.0.113.9:443", host="203.0.113.9", address="203.0.113.9"),
    endpoint("control.x", "https://control.example/", role="control"),
)
SEEN = {"198.51.100.1": frozenset({"a.web.main", "b.chat.main"}), "104.16.7.7": frozenset({"b.chat.main"}),
        "2001:db8::5": frozenset({"a.web.main"}), "near": frozenset({"a.web.main"})}
INDEX = TargetIndex(ENDPOINTS, SEEN)


def entry(place: int = 1, **more: object) -> RegisterEntry:
    return replace(RegisterEntry(place=place), **more)  # type: ignore[arg-type]


def kinds(*entries: RegisterEntry) -> dict[str, str]:
    joined = join_list(entries, INDEX)
    return {target: best.kind for target in INDEX.targets if (best := joined.best(target))}


@pytest.mark.parametrize(("made", "wanted"), [
    (entry(hosts=("a.example",)), {"a.web.main": "host", "a.chat.deep": "parent"}),
    (entry(hosts=("a.example",), whole=False), {"a.web.main": "url_host"}),
    (entry(hosts=("x.chat.a.example",)), {"a.chat.deep": "host"}),
    (entry(hosts=("chat.a.example",)), {"a.chat.deep": "parent"}),
    (entry(masks=("a.example",)), {"a.web.main": "mask_apex", "a.chat.deep": "mask"}),
    (entry(urls=("a.example/",), hosts=("a.example",), whole=False), {"a.web.main": "url"}),
    (entry(urls=("x.chat.a.example/page",)), {"a.chat.deep": "url"}),
    (entry(urls=("x.chat.a.example/other",)), {}),
    (entry(networks=("203.0.113.9",)), {"c.chat.dc": "address"}),
    (entry(networks=("203.0.113.0/24",)), {"c.chat.dc": "network"}),
    (entry(networks=("203.0.112.0/24", "203.0.114.0/24", "203.0.113.8")), {}),
    (entry(networks=("2001:db8::/32",)), {"a.web.main": "network"}),
    (entry(networks=("0.0.0.0/0",)), {"a.web.main": "network", "b.chat.main": "network", "c.chat.dc": "network"}),
    (entry(hosts=("xa.example", "example.a.example", "example")), {}),
    (entry(hosts=("control.example",)), {}),
    (entry(hosts=("b.example",), networks=("104.16.7.7",)), {"b.chat.main": "host"}),
])
def test_a_target_is_listed_by_name_url_or_address(made: RegisterEntry, wanted: dict[str, str]) -> None:
    assert kinds(made) == wanted


def test_the_strongest_match_is_told() -> None:
    found = kinds(entry(1, networks=("203.0.113.9",)), entry(2, networks=("198.51.100.1",)),
                  entry(3, masks=("a.example",)), entry(4, hosts=("a.example",)))
    assert found == {"a.web.main": "host", "a.chat.deep": "mask", "b.chat.main": "address", "c.chat.dc": "address"}


def shared(made: RegisterEntry, target: str) -> str:
    best = join_list([made], INDEX).best(target)
    assert best is not None
    return best.shared


def test_entries_by_address_may_mean_somebody_else() -> None:
    assert shared(entry(networks=("203.0.113.9",)), "c.chat.dc") == ""
    assert "2 services" in shared(entry(networks=("198.51.100.1",)), "a.web.main")
    assert "Cloudflare" in shared(entry(networks=("104.16.0.0/13",)), "b.chat.main")
    assert "1 other host," in shared(entry(hosts=("other.example",), networks=("203.0.113.9",)), "c.chat.dc")
    assert "many other" in shared(
        entry(hosts=tuple(f"h{n}.example" for n in range(9)), networks=("203.0.113.9",)), "c.chat.dc")
    assert shared(entry(hosts=("a.example",)), "a.web.main") == ""


def test_the_earliest_entry_is_told_and_all_are_counted() -> None:
    made = [entry(1, hosts=("a.example",)), entry(2, hosts=("a.example",), date="2018-01-01"),
            entry(3, hosts=("a.example",), date="2017-05-04"), entry(4, hosts=("a.example",), date="2020-01-01")]
    best = join_list(made, INDEX).best("a.web.main")
    assert best is not None
    assert (best.place, best.date, best.entries) == (3, "2017-05-04", 4)
    theirs = entry(5, hosts=("o.example",), networks=("203.0.113.9",), date="2010-01-01")
    own = join_list([theirs, entry(6, networks=("203.0.113.9",), date="2018-04-16")], INDEX).best("c.chat.dc")
    assert own is not None
    assert (own.place, own.shared, own.entries) == (6, "", 2)


def test_what_could_not_be_read_is_counted() -> None:
    made: list[RegisterEntry | RefusedEntry | ListDate] = [RefusedEntry(place=n + 1, reason="x") for n in range(99)]
    made.append(RefusedEntry(place=0, reason="what comes after is not read"))
    joined = join_list([ListDate(time="2026-01-01T00:00:00"), *made, ListDate(time="")], INDEX)
    assert (joined.entries, joined.refused, len(joined.first_refused)) == (0, 100, 20)
    assert joined.first_refused[0].place == 0, "what is wrong with the whole list is told before what is in it"
    assert joined.updated == "2026-01-01T00:00:00"


LABELS = st.sampled_from(["a", "x", "chat", "b", "example"])
NAMES = st.lists(LABELS, min_size=2, max_size=4).map(".".join)


@given(st.lists(NAMES, max_size=3), st.lists(NAMES, max_size=3), st.booleans())
def test_no_name_is_listed_without_its_ground(hosts: list[str], masks: list[str], whole: bool) -> None:
    joined = join_list([entry(hosts=tuple(hosts), masks=tuple(masks), whole=whole)], INDEX)
    for one in ENDPOINTS:
        best, above = joined.best(one.target_id), set(list_parent_names(one.host))
        grounds = {"host" if whole else "url_host"} if one.host in hosts else set()
        grounds |= {"parent"} if whole and above & set(hosts) else set()
        grounds |= {"mask"} if above & set(masks) else set()
        grounds |= {"mask_apex"} if one.host in masks else set()
        if one.role == "control" or one.address:
            grounds = set()
        assert (best.kind if best else "") == (min(grounds, key=list(MATCHES).index) if grounds else "")


@given(st.integers(0, 2**32 - 1), st.integers(8, 32))
def test_a_network_matches_what_lies_in_it(number: int, length: int) -> None:
    import ipaddress

    net = ipaddress.ip_network((number, length), strict=False)
    inside = {a for a in INDEX.addresses if ":" not in a and ipaddress.ip_address(a) in net}
    assert set(INDEX.within(str(net))) == inside


# --- the command


def verdict(target: str, outcome: Outcome) -> Verdict:
    return Verdict(target_id=target, service=target.partition(".")[0], role="web", input="", outcome=outcome,
                   block_type="tls.reset.sni" if outcome == "blocked" else "")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Runs in Russia on three days, and one elsewhere that finds blocked what Russia does not block."""
    folder = tmp_path / "results"
    days: tuple[tuple[int, str, Outcome, Outcome], ...] = (
        (3, "RU", "ok", "ok"), (5, "RU", "blocked", "ok"), (6, "RU", "blocked", "ok"), (1, "DE", "ok", "blocked"))
    for day, cc, signal, wechat in days:
        run = Run(run_id=f"r{day}", measurement_start_time=f"2017-05-{day:02}T10:00:00Z", vantage=Vantage(probe_cc=cc))
        seen = observation(observation_id=f"r{day}.1", run_id=f"r{day}", target_id="signal.web.main",
                           operation="tls_handshake", purpose="target", address="198.51.100.77", trust="valid",
                           address_source="system")
        forged = replace_flat(seen, observation_id=f"r{day}.2", address="192.0.2.66", trust="wrong_name",
                         failure="ssl_invalid_hostname")
        write_run(RunResult(run=run, observations=(seen, forged), controls=(), services=(), verdicts=(
            verdict("signal.web.main", signal), verdict("wechat.web.main", wechat), verdict("line.web.main", signal),
        )), folder, parquet=False)
    return folder


def ask(*arguments: str, status: int = 0) -> Result:
    done = CliRunner().invoke(cli, ["registers", *arguments])
    assert done.exit_code == status, done.output[:2000]
    return done


def written(folder: Path, lines: Iterable[str]) -> str:
    path = folder / "dump.csv"
    path.write_bytes("\n".join(("Updated: 2017-06-01 00:00:00 +0000", *lines)).encode("cp1251"))
    return str(path)


@pytest.fixture
def catalogue(root: Path) -> list[str]:
    return ["--catalogue", str(root / "targets.csv")]


def test_dates_stand_beside_the_measured_onset(tmp_path: Path, results: Path, catalogue: list[str]) -> None:
    dump = written(tmp_path, ["198.51.100.77;other.example;;RKN;1;2016-01-01", ";wechat.com;;RKN;2;2017-05-04",
                              "192.0.2.66;;;RKN;3;2010-01-01"])
    said = json.loads(ask(f"zi={dump}", "--results", str(results), "--json", *catalogue).stdout)
    rows = {row["target_id"]: row for row in said["rows"]}
    signal, wechat, line = (rows[f"{name}.web.main"] for name in ("signal", "wechat", "line"))
    assert (signal["standing"], signal["match"], signal["entry_date"]) == ("listed", "address", "2016-01-01")
    assert "1 other host" in signal["shared"]
    assert (signal["measured"], signal["first_blocked_time"], signal["n_blocked"]) == (
        "blocked", "2017-05-05T10:00:00Z", 2)
    assert (wechat["standing"], wechat["match"], wechat["measured"]) == ("listed", "parent", "reachable")
    assert (line["standing"], line["measured"], line["first_run_id"]) == ("not_listed", "blocked", "r5")
    assert {row["list_time"] for row in said["rows"]} == {"2017-06-01T00:00:00+00:00"}
    assert said["note"]
    text = ask(f"zi={dump}", "--results", str(results), *catalogue).stdout
    assert in_order(text, "2017-05-05T10:00:00Z", "tls.reset.sni", "490 days")
    assert "3 runs ok" in text
    assert said["note"] in " ".join(text.split())


def test_a_table_has_every_target_and_no_verdict_of_its_own(tmp_path: Path, catalogue: list[str]) -> None:
    dump, out = written(tmp_path, [";wechat.com;;=cmd();2;2017-05-04"]), tmp_path / "out.csv"
    ask(f"zi={dump}", "--csv", str(out), *catalogue)
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["standing"] for row in rows} == {"listed", "not_listed"}
    assert {row["measured"] for row in rows} == {"not_measured"}
    assert {row["authority"] for row in rows} == {"", "'=cmd()"}
    assert {row["source"] for row in rows} == {"dump.csv"}


def test_a_list_that_cannot_be_read_says_nothing(tmp_path: Path, catalogue: list[str]) -> None:
    page = tmp_path / "page.html"
    page.write_text("<html>Access denied</html>")
    for where in (str(page), str(tmp_path / "none"), str(tmp_path), "http://register.example/list",
                  "https://10.0.0.1/x",
                  "https://[fe80::1]/x", "https://["):
        done = ask(f"ua={where}", "--json", *catalogue, status=1)
        said = json.loads(done.stdout)
        assert {row["standing"] for row in said["rows"]} == {"register_unavailable"}
        assert "Traceback" not in done.output
        assert "register_unavailable" in done.stderr


def test_a_list_is_fetched_from_the_url_that_was_given(catalogue: list[str]) -> None:
    body = b'["wechat.com"]'
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    asked: list[bytes] = []

    def behave(conn: socket.socket) -> None:
        asked.append(next(requests_on(conn)))
        conn.sendall(answer)

    with serving(behave) as server:
        url = f"http://127.0.0.1:{server.port}/v3/domains/?format=json"
        said = json.loads(ask(f"rublacklist={url}", "--service", "wechat", "--json", *catalogue).stdout)
    assert asked[0].startswith(b"GET /v3/domains/?format=json HTTP/1.1\r\n")
    assert {row["source"] for row in said["rows"]} == {url}
    assert "parent" in {row["match"] for row in said["rows"]}
    assert {row["list_time_from"] for row in said["rows"]} == {"fetched"}


def test_bad_lines_are_told_with_their_file(tmp_path: Path, catalogue: list[str]) -> None:
    dump = written(tmp_path, ["x;y", ";wechat.com;;a;b;2017-05-04", *(["z"] * 9)])
    told = ask(f"zi={dump}", *catalogue).stderr
    assert in_order(told, f"{dump}:2: ", "2 fields", "6")
    assert "5 more" in told


@pytest.mark.parametrize("arguments", [
    [], ["zi"], ["no=such"], ["zi="], ["list:RUS=x"], ["zi=x", "--service", "nobody"],
])
def test_wrong_usage_is_told(arguments: list[str], catalogue: list[str]) -> None:
    assert "Traceback" not in ask(*arguments, *catalogue, status=2).output


def test_what_is_known_is_told() -> None:
    assert "cuii" in ask("--known").output
