"""The catalogue that ships, and what the loader says of files that people spoil."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st

from in_order import in_order
from probe.catalogue import test_lists
from probe.catalogue.endpoint_urls import BadUrlError, parse_endpoint_url
from probe.catalogue.load import list_anchor_files, load_catalogue
from probe.catalogue.target_rows import COLUMNS
from probe.catalogue.types import Catalogue, CatalogueError
from probe.cli.targets import targets
from probe.core.tables.handshakes import HANDSHAKES
from probe.core.tables.protocols import PROTOCOLS, SCHEMES
from probe.core.tables.roles import ROLES
from probe.core.tables.trust import ANCHORS, TRUSTS, judges_certificates
from probe_operate.lists.catalogue_check import check_catalogue

GOOD = {
    "target_id": "telegram.web.main", "service": "telegram", "role": "web", "tier": "1", "status": "active",
    "input": "https://telegram.org/", "protocol": "http", "host": "telegram.org", "port": "443",
    "sni": "telegram.org", "trust": "web_pki", "expect_status": "200|4xx", "expect_json": "a.b[0].c=1",
    "expect_network": "AS62041 149.154.160.0/20 2001:67c:4e8::/48", "category_code": "COMT",
    "date_added": "2026-11-24", "confidence": "high",
}
ORIGINAL_SYSTEMS = ("wechat", "line", "linkedin", "facebook", "x", "google", "app_store", "google_play", "register")
"""What was blocked, or compared, in Russia in May 2017; the consumer BBM of then is dead and tested apart."""


@pytest.fixture(scope="module")
def shipped() -> Catalogue:
    return load_catalogue(search=False)


def as_csv(*rows: dict[str, str], columns: tuple[str, ...] = COLUMNS) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def problems_of(path: Path, content: str | bytes) -> str:
    """What the loader says of a file."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(str(path))
    return str(caught.value).replace(f"{path}:", "")


# ---- what ships

def test_the_shipped_catalogue_is_whole_and_in_order(shipped: Catalogue, root: Path) -> None:
    assert len(shipped.endpoints) == len((root / "targets.csv").read_text(encoding="utf-8").splitlines()) - 1 > 600
    assert {e.service for e in shipped.endpoints} == set(shipped.services)
    assert check_catalogue(shipped, today=date(2026, 11, 24)) == ()


@pytest.mark.parametrize("service", ORIGINAL_SYSTEMS)
def test_the_systems_of_2017_can_be_measured(shipped: Catalogue, service: str) -> None:
    measured = [e for e in shipped.endpoints if e.service == service and PROTOCOLS[e.protocol].built]
    assert any(e.status == "active" for e in measured)


def test_dead_services_are_asked_for_and_expected_to_be_closed(shipped: Catalogue) -> None:
    closed = {e.target_id.removesuffix(".*") for e in shipped.expectations if e.state == "closed"}
    assert closed == {name for name, service in shipped.services.items() if service.status == "dead"}
    assert {"bbm", "icq", "skype"} <= closed
    assert all(e.status == "dead" for e in shipped.endpoints if e.service in closed)
    assert any(e.protocol == "dns" for e in shipped.endpoints if e.service == "bbm")


def test_every_endpoint_is_complete(shipped: Catalogue, root: Path) -> None:
    with (root / "targets.csv").open(encoding="utf-8", newline="") as handle:
        written = list(csv.DictReader(handle))
    for row, e in zip(written, shipped.endpoints, strict=True):  # a blank cell follows the URL
        for name in ("protocol", "host", "port", "address", "sni", "trust"):
            assert row[name] in ("", str(getattr(e, name))), e.input
        assert bool(e.sni) == judges_certificates(
            e.trust) or e.trust == "record" or e.protocol in ("quic", "xmpp_starttls"), e.input


def test_blank_cells_follow_the_url(tmp_path: Path) -> None:
    bare = {k: v for k, v in GOOD.items() if k not in ("protocol", "host", "port", "sni", "trust")}
    path = tmp_path / "t.csv"
    path.write_text(as_csv(bare))
    full = tmp_path / "f.csv"
    full.write_text(as_csv(GOOD))
    assert load_catalogue(str(path)).endpoints[0] == load_catalogue(str(full)).endpoints[0]


def test_expectations_become_typed(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(as_csv({**GOOD, "expect_body": "Telegram Web| Телеграм"}))
    expect = load_catalogue(str(path)).endpoints[0].expect
    assert (expect.status, expect.body, expect.json) == (("200", "4xx"), ("Telegram Web", "Телеграм"), "a.b[0].c=1")


def test_targets_keep_one_service_and_role(shipped: Catalogue) -> None:
    for e in shipped.endpoints:
        assert e.target_id.startswith(f"{e.service}.{e.role}.")
        assert e.role in ROLES
    assert len({e.input for e in shipped.endpoints}) == len(shipped.endpoints)


def test_addresses_of_one_data_centre_are_one_target(shipped: Catalogue) -> None:
    second = {e.address for e in shipped.endpoints if e.target_id == "telegram.chat.dc2"}
    assert second == {"149.154.167.51", "95.161.76.100", "2001:67c:4e8:f002::a"}


def test_what_operators_refuse_reaches_the_endpoint(shipped: Catalogue) -> None:
    assert all("IR" in e.self_block for e in shipped.endpoints if e.service == "slack")
    assert not any(e.self_block for e in shipped.endpoints if e.service == "telegram")


def test_roots_are_the_ones_that_signal_published() -> None:
    found = {p.name: x509.load_pem_x509_certificate(p.read_bytes()).fingerprint(SHA256()).hex()
             for p in list_anchor_files()}
    assert found == {"signal_root_a.pem": "ddb0f92bb95c8d6fd202ea6e8cc5ccd182b544f8cd696f47d580659ddc9df65a"}
    assert set(found) == {name for names in ANCHORS.values() for name in names}


def test_tables_say_what_is_not_built() -> None:
    for name, protocol in PROTOCOLS.items():
        assert name == protocol.name
        assert bool(protocol.why_not) is not protocol.built
        assert protocol.consent_level in (1, 2, 3)
        assert all(name in SCHEMES[scheme] for scheme in protocol.schemes)
    assert {p.name for p in PROTOCOLS.values() if p.built} == {"dns", "tcp", "tls", "http", "quic", "stun", *HANDSHAKES}
    assert not TRUSTS["record"].judged


# ---- where it is found

def test_search_order(in_folder: Path) -> None:
    shipped = load_catalogue()
    assert shipped.path != str(in_folder / "targets.csv")
    (in_folder / "targets.csv").write_text(as_csv(GOOD))
    assert load_catalogue().path == str(in_folder / "targets.csv")
    assert load_catalogue(search=False).path == shipped.path
    (in_folder / "other.csv").write_text(as_csv({**GOOD, "tier": "2"}))
    assert load_catalogue("other.csv").endpoints[0].tier == 2


def test_version_follows_the_content(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(as_csv(GOOD))
    first = load_catalogue(str(path)).version
    path.write_text(as_csv({**GOOD, "notes": "changed"}))
    second = load_catalogue(str(path)).version
    assert first.startswith("2026-11-24-")
    assert first.removeprefix("2026-11-24-") != second.removeprefix("2026-11-24-")


def test_a_list_without_controls_gets_them(tmp_path: Path, shipped: Catalogue) -> None:
    path = tmp_path / "t.csv"
    path.write_text(as_csv(GOOD))
    got = load_catalogue(str(path))
    assert [e for e in got.endpoints if e.role == "control"] == [e for e in shipped.endpoints if e.role == "control"]
    assert sum(e.role != "control" for e in got.endpoints) == 1


# ---- files that people spoil

@pytest.mark.parametrize(("column", "cell", "said"), [
    ("target_id", "Telegram.web.main", "not service.role.label"),
    ("target_id", "telegram.chat.main", "does not begin with telegram.web."),
    ("role", "chatting", "'chatting' is not one of chat, api"),
    ("tier", "9", "'9' is not one of 0, 1, 2, 3"),
    ("status", "alive", "not one of active, unproven, dead"),
    ("input", "gopher://telegram.org/", "unknown scheme 'gopher'"),
    ("input", "https://user:pw@telegram.org/", "credentials"),
    ("input", "https://192.168.1.1/", "not a public address"),
    ("input", "https://127.1/", "neither a full host name nor an address"),
    ("input", "https://telegram.org:0/", "no port"),
    ("input", "https://telegram.org:99999/", "Port out of range"),
    ("input", "tcpconnect://telegram.org", "no port"),
    ("input", "https://tele gram.org/", "printable ASCII"),
    ("input", "https://telegram.org/{pin}", "unknown placeholder {pin}"),
    ("protocol", "smoke", "'smoke' is not one of"),
    ("protocol", "dns", "dns is not written https://"),
    ("host", "telegram.net", "differs from the host of the input, telegram.org"),
    ("port", "444", "differs from the port of the input, 443"),
    ("port", "-1", "'-1' is not a port"),
    ("address", "149.154.167.51", "only when the host of the input is that address"),
    ("trust", "none", "none does not suit https://"),
    ("trust", "os_store", "'os_store' is not one of"),
    ("expect_status", "200|2000", "'2000' is not a status"),
    ("expect_header", "x y", "not the name of a header"),
    ("expect_json", "a..b", "not a path"),
    ("expect_reply", "hex:(", "bad pattern"),
    ("expect_reply", r"text:^(.+)+\x00$", "bad pattern"),
    ("expect_reply", "^01", "none of hex:PATTERN"),
    ("expect_network", "AS0", "'AS0' is neither"),
    ("date_added", "24.11.2026", "not a date"),
    ("confidence", "sure", "not one of high, medium, low"),
    ("notes", "two\nlines", "line break"),
    ("notes", "x" * 3000, "longer than 2000"),
])
def test_a_bad_cell_is_named(tmp_path: Path, column: str, cell: str, said: str) -> None:
    rows = ({**GOOD, "input": "https://t.me/", "host": "t.me", "sni": "t.me"}, {**GOOD, column: cell})
    assert f"3: {column}: " in problems_of(tmp_path / "t.csv", as_csv(*rows))
    assert said in problems_of(tmp_path / "t.csv", as_csv(*rows))


def without(column: str) -> str:
    return as_csv(GOOD, columns=tuple(c for c in COLUMNS if c != column))


@pytest.mark.parametrize(("content", "said"), [
    ("", "0: file: is empty"),
    ("\n \n", "0: file: is empty"),
    (as_csv(), "0: file: names no target"),
    (as_csv(GOOD, GOOD), "3: input: is on line 2 already"),
    (without("tier"), "1: tier: this column is missing"),
    (as_csv(GOOD, columns=(*COLUMNS, "colour")), "1: colour: is no column"),
    (as_csv(GOOD, columns=(*COLUMNS, "tier")), "1: tier: this column is there twice"),
    (as_csv(GOOD) + "telegram.web.x,telegram\n", "3: row: has 2 cells, the header has 25"),
    (as_csv(GOOD) + 'telegram.web.x,"telegram\n' + as_csv(GOOD), "3: row: unexpected end of data"),
    (as_csv(GOOD).replace(",", ";"), "1: header: is separated by semicolons"),
    ("some,other,table\n1,2,3\n", "1: header: neither a catalogue"),
    ("some words\nabout nothing\n", "1: header: neither a catalogue"),
    (as_csv(GOOD).encode("utf-16"), "0: file: is UTF-16: save it as UTF-8"),
    (as_csv(GOOD).encode().replace(b"high", b"hi\0h"), "2: file: has a NUL byte"),
    ((as_csv(GOOD) + "caf\xe9").encode("latin-1"), "3: file: byte 4 of the line (0xe9) is not UTF-8: save"),
    (b"#" * 5_000_001, "0: file: is larger than 5000000 bytes"),
])
def test_a_bad_file_is_explained(tmp_path: Path, content: str | bytes, said: str) -> None:
    assert said in problems_of(tmp_path / "t.csv", content)


def test_windows_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"\xef\xbb\xbf" + as_csv(GOOD).replace("\n", "\r\n").encode() + b"\r\n\r\n")
    assert load_catalogue(str(path)).endpoints[0].input == GOOD["input"]


@pytest.mark.parametrize("make", [lambda p: p.mkdir(), lambda p: None], ids=["folder", "nothing"])
def test_what_is_no_file_is_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "t.csv")
    with pytest.raises(CatalogueError, match=r"t\.csv:0: file: "):
        load_catalogue(str(tmp_path / "t.csv"))


def test_at_most_twenty_problems_are_listed(tmp_path: Path) -> None:
    rows = [{**GOOD, "input": f"https://h{i}.telegram.org/"} for i in range(30)]
    said = problems_of(tmp_path / "t.csv", as_csv(*rows)).splitlines()
    assert len(said) == 21
    assert "10" in said[-1]


def test_any_spoilt_row_is_found_where_it_is(tmp_path: Path, root: Path, rng: random.Random) -> None:
    lines = (root / "targets.csv").read_text(encoding="utf-8").splitlines()
    number = rng.randrange(1, len(lines))
    lines[number] = lines[number].replace(".", "..", 1)
    assert problems_of(tmp_path / "t.csv", "\n".join(lines)).startswith(f"{number + 1}: target_id: ")


HALF = as_csv(GOOD)[:350].encode()


@given(content=st.binary(max_size=300) | st.text(max_size=300).map(lambda text: HALF + text.encode()))
def test_no_content_breaks_the_loader(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(content)
    try:
        found, problems = len(load_catalogue(str(path)).endpoints), 0
    except CatalogueError as error:
        found, problems = 0, len(error.problems)
    assert found or problems


# ---- lists of one's own

def test_a_test_list_is_read(tmp_path: Path) -> None:
    path = tmp_path / "ru.csv"
    path.write_text(
        "url,category_code,category_description,date_added,source,notes\n"
        'https://www.example.net/a,COMT,Communication Tools,2020-01-01,me,"a, b"\n'
        "http://203.0.114.1/,GRP,Social Networking,2020-01-01,me,\nhttps://www.example.net/a,COMT,,,,\n"
    )
    first, second = (e for e in load_catalogue(str(path)).endpoints if e.role != "control")
    assert (first.service, first.role, first.category_code, first.notes) == ("list", "web", "COMT", "a, b")
    assert (first.sni, first.trust, first.port) == ("www.example.net", "web_pki", 443)
    assert (second.address, second.sni, second.trust, second.port) == ("203.0.114.1", "", "none", 80)
    assert first.expect == replace(first.expect, status=(), body=())
    assert check_catalogue(load_catalogue(str(path)), today=date(2026, 11, 24)) == ()


def test_a_plain_list_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("# mine\n\nhttps://example.org/  # a comment\nhttps://example.org/#part\nhttps://example.org/\n")
    got = [e for e in load_catalogue(str(path)).endpoints if e.role != "control"]
    assert [e.input for e in got] == ["https://example.org/", "https://example.org/#part"]
    assert got[0].target_id == "list.web.example-org"
    assert load_catalogue(str(path)).version.startswith("undated-")


@pytest.mark.parametrize("url", [
    "https://user@example.org/", "http://127.0.0.1/", "http://[::1]/", "http://10.0.0.1/", "http://169.254.169.254/",
    "http://localhost/", "http://router/", "http://2130706433/", "http://0x7f.1/", "http://[fe80::1%25eth0]/",
    "http://[::ffff:127.0.0.1]/", "ftp://example.org/", "http://example.org:0/", "http://\uff11\uff12\uff17.0.0.1/",
    "http://127\u30020\u30020\u30021/", "router.example:99999", "10.0.0.11/",
    "https://",
    "http://224.0.0.1/", "http://[64:ff9b::a00:1]/", "http://[2002:a00:1::]/", "tcpconnect://example.org:80",
])
def test_a_list_cannot_point_at_the_home_network(tmp_path: Path, url: str) -> None:
    said = problems_of(tmp_path / "mine.txt", f"https://example.org/\n{url}\n")
    assert said.startswith("2: url: ")


URLS = st.from_regex(r"\Ahttps?://(www\.)?[a-z]{1,3}(-[a-z])?\.(org|net)/[A-Za-z/._?=-]{0,6}\Z")


@given(urls=st.lists(URLS, min_size=2))
def test_slugs_tell_urls_apart(urls: list[str]) -> None:
    assert len({test_lists.make_slug(url) for url in urls}) == len(set(urls))


@given(url=st.text(max_size=60).map(lambda text: f"https://{text}"))
def test_no_url_breaks_the_parser(url: str) -> None:
    try:
        said = str(parse_endpoint_url(url).port)
    except BadUrlError as error:
        said = str(error)
    assert said


# ---- what people are told

def test_check_finds_what_does_not_agree(shipped: Catalogue, tmp_path: Path) -> None:
    stray = replace(shipped.endpoints[0], service="nobody", protocol="http", alpn=("h2",))
    kept = [e for e in shipped.endpoints if e.service != "fcm" and e.target_id != "control.control.iana"]
    broken = replace(
        shipped,
        endpoints=(stray, *kept),
        services={**shipped.services, "icq": replace(shipped.services["icq"], closed=None),
                  "line": replace(shipped.services["line"], needs_account=("phone",))},
    )
    said = "\n".join(check_catalogue(broken, today=date(2031, 6, 1)))
    for part in ("no table for the service nobody", "no owner lists the service nobody", "fcm has no row",
                 "quorum push = any, but the role has 0",
                 "control.control.iana has no row", "icq: status is active, or dead",
                 "line: needs_account: unknown phone", "alpn is ignored", "signal_root_a.pem ends on 2032-01-24"):
        assert part in said
    assert "anchors/signal_root_a.pem is missing" in check_catalogue(shipped, today=date(2026, 11, 24),
                                                                     anchors=tmp_path)


def test_targets_list_and_services() -> None:
    def run(*words: str) -> str:
        return CliRunner().invoke(targets, words).output

    listed = json.loads(run("list", "--service", "telegram", "--role", "web", "--role", "api", "--json"))
    assert {(e["service"], e["role"]) for e in listed} == {("telegram", "web"), ("telegram", "api")}
    table = run("list", "--tier", "1", "--protocol", "mtproto", "--status", "active").splitlines()
    n = len(table) - 3
    assert all(line.split()[1:4] == ["1", "active", "yes"] for line in table[1:-2])
    assert in_order(table[-2], f"{n} endpoints", "5 targets", "1 service", f"chat {n}")
    assert in_order(table[-1], f"{n} endpoints", f"A {n}", "B 0", "C 0", "0 not attempted")
    unheard = run("list", "--protocol", "udp", "--status", "active").splitlines()
    assert {line.split()[3] for line in unheard[1:-2]} == {"no"}
    assert in_order(unheard[-1], "0 endpoints", "A 0", "B 0", "C 0", "1 not attempted")
    measured = {e["protocol"] for e in json.loads(run("list", "--measured", "--json"))}
    assert "mtproto" in measured
    assert "opendht" not in measured
    services = {s["service"]: s for s in json.loads(run("services", "--json"))}
    assert services["bbm"]["closed"] == "2019-05-31"
    assert "CU IR KP SY" in run("services")


def test_targets_check_tells_by_its_exit_status(tmp_path: Path) -> None:
    good, odd, bad = (tmp_path / name for name in ("good.txt", "odd.csv", "bad.csv"))
    good.write_text("https://example.org/\n")
    odd.write_text(as_csv({**GOOD, "target_id": "nobody.web.main", "service": "nobody"}))
    bad.write_text(as_csv({**GOOD, "tier": "x"}))
    results = [CliRunner().invoke(targets, ["check", str(path)]) for path in (good, odd, bad)]
    assert [r.exit_code for r in results] == [0, 1, 1]
    assert "nobody" in results[1].output
    assert "bad.csv:2: tier: " in results[2].output
