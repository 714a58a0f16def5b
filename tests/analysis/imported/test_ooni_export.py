"""Our runs in OONI's format: every measurement is of its shape, and what it holds comes back as it was."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from in_order import in_order
from observations import HERE4, HERE6, HOST, RESET, lookup, observation, replace_flat, visit_to
from ooni_ours import TARGET, Envelope, exported, result_of
from probe.cli.main import cli
from probe.core.observations import ControlAnswer, Observation
from probe.core.places import Place
from probe.core.tables.block_types import BLOCK_TYPES
from probe.core.tables.outcomes import OUTCOMES
from probe.core.tables.purposes import FOREIGN_NAMES, NOT_PUBLISHED, PURPOSES
from probe.core.tables.roles import ROLES
from probe.core.tables.words import read_word
from probe.core.verdicts import ServiceVerdict
from probe.core.visible_text import visible
from probe.store.flat_observation import list_column_types
from probe.store.runs.run_writer import write_run
from probe_analysis.exports.release import RELEASED
from probe_analysis.imported.grouping import group_into_runs
from probe_analysis.imported.ooni.exported_by_us import (
    EXPORTED_FIELDS,
    TEST_NAME,
    export_measurements,
    reduce_observation,
)
from probe_analysis.imported.ooni.messenger_keys import make_messenger_keys
from probe_analysis.imported.ooni.ooni_measurement import read_measurement_line
from probe_analysis.imported.ooni.written_tables import OBS_WEB, list_observation_rows, make_csv_line

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
ADDRESSES = st.sampled_from([HERE4, HERE6])
VALUES: dict[object, st.SearchStrategy[Any]] = {
    str: TEXTS, int: st.integers(0, 1 << 40), float: st.floats(0, 1e6, allow_nan=False), bool: st.booleans(),
    tuple[str, ...]: st.lists(TEXTS, max_size=3).map(tuple),
}
OPERATIONS = ["resolve", "dns_round_trip", "connect", "tls_handshake", "http_round_trip", "quic_handshake",
              "stun_binding", "app_round_trip", "transfer"]


@st.composite
def rows(draw: st.DrawFn) -> Observation:
    """An observation with any value in any field."""
    types = list_column_types()
    values: dict[str, Any] = {name: draw(VALUES[types[name]]) for name in draw(st.sets(st.sampled_from(
        [n for n in types if types[n] in VALUES]), max_size=20))}
    fixed = {"operation": draw(st.sampled_from(OPERATIONS)), "target_id": TARGET, "address": draw(ADDRESSES),
             "attempt": draw(st.integers(1, 20)), "purpose": draw(st.sampled_from(sorted(PURPOSES))),
             "port": draw(st.integers(0, 65535)), "answers": tuple(draw(st.lists(ADDRESSES, max_size=3))),
             "run_id": "", "observation_id": "", "tainted_by": "", "sequence": 0}
    return observation(**(values | fixed))


@settings(deadline=None, max_examples=150)
@given(st.lists(rows(), min_size=1, max_size=4))
def test_what_a_measurement_holds_comes_back_as_it_was(many: list[Observation]) -> None:
    line = json.dumps(export_measurements(result_of(*many))[0]).encode()
    told = [reduce_observation(o) for o in many if o.purpose not in NOT_PUBLISHED]
    found = read_measurement_line(line)
    assert list(found.observations) == told
    assert found.left_out == 0


def test_a_visit_stands_in_the_formats_own_lists() -> None:
    one = exported(lookup(HERE4), *visit_to(HERE4), *visit_to(HERE6, until="tls", failure="connection_reset"))
    keys = one["test_keys"]
    assert (one["test_name"], one["data_format_version"], one["probe_ip"]) == (TEST_NAME, "0.2.0", "127.0.0.1")
    assert keys["queries"][0]["answers"][0]["ipv4"] == HERE4
    assert [c["ip"] for c in keys["tcp_connect"]] == [HERE4, HERE6]
    assert [h["failure"] for h in keys["tls_handshakes"]] == [None, "connection_reset"]
    assert keys["tls_handshakes"][1]["address"] == f"[{HERE6}]:443"
    assert keys["requests"][0]["response"]["code"] == 200
    assert keys["x_verdict"]["outcome"] == "blocked"


def test_the_envelope_is_that_of_the_format() -> None:
    one = msgspec.convert(exported(*visit_to(HERE4)), Envelope)
    assert one.measurement_start_time == "2026-08-01 05:10:00"
    assert one.probe_asn == "AS64500"


def test_what_may_not_be_published_is_in_no_measurement() -> None:
    secret: dict[str, Any] = {"title": "SECRET", "body_excerpt": "SECRET", "location": "SECRET",
              "packets": ("1.00|in|64|1|1|SECRET|0|0|0|0",),
              "icmp": "3/13 SECRET", "replies": ("SECRET",), "issuer": "SECRET", "url": "SECRET",
              "reply_head": "SECRET"}
    page = replace_flat(visit_to(HERE4)[-1], **secret)
    network = lookup(HERE4, resolver_address="93.184.0.53")
    ladder = replace(page, purpose="ladder", hostname="SECRET")
    mitm = replace_flat(visit_to(HERE4)[1], trust="unknown_issuer", chain=("SECRET",))
    lent = [replace(page, purpose=purpose, address="192.0.2.77") for purpose in FOREIGN_NAMES]
    text = json.dumps(exported(page, network, ladder, mitm, *lent))
    assert "SECRET" not in text
    assert "192.0.2.77" not in text
    assert "secret" not in text
    assert "93.184.0.53" not in text
    assert set(EXPORTED_FIELDS) <= set(RELEASED["observations"])


def test_controls_come_back_too() -> None:
    told = ControlAnswer(control_id="h", asn=64511, cc="DE", input=f"https://{HOST}/", state="answered",
                         addresses=(HERE4,), tcp=((Place(HERE4, 443), ""),),
                         tls=((Place(HERE4, 443), "connection_reset"),),
                         http_failure="", http_status=200, http_body_bytes=12)
    found = read_measurement_line(json.dumps(exported(*visit_to(HERE4), controls=(told,))).encode())
    assert found.controls == (replace(told, control_id="probe-0"),)


def test_a_folder_becomes_lines_that_can_be_imported(tmp_path: Path) -> None:
    write_run(result_of(lookup(HERE4), *visit_to(HERE4)), tmp_path / "mine", parquet=False)
    out = tmp_path / "mine.jsonl"
    done = CliRunner().invoke(cli, ["export", "ooni", str(tmp_path / "mine"), "-o", str(out)])
    assert done.exit_code == 0, done.output
    assert in_order(done.output, "1 measurement", "1 run")
    back = CliRunner().invoke(cli, ["import", "ooni", str(out), "--out", str(tmp_path / "back")])
    assert back.exit_code == 0, back.output
    assert TEST_NAME in CliRunner().invoke(cli, ["compare", str(tmp_path / "back")]).output


@pytest.mark.parametrize(("changes", "unverified", "valid"), [
    ({}, False, True), ({"trust": ""}, True, None), ({"trust": "", "failure": RESET}, False, False),
    ({"trust": "unknown_issuer", "failure": "ssl_unknown_authority"}, False, False),
])
def test_a_certificate_that_nobody_verified_is_not_called_valid(changes: dict[str, Any], unverified: bool,
                                                                valid: bool | None) -> None:
    connect, shake, _ = visit_to(HERE4)
    (one,) = export_measurements(result_of(connect, replace_flat(shake, **changes)))
    assert [shown["no_tls_verify"] for shown in one["test_keys"]["tls_handshakes"]] == [unverified]
    rows = [row for row in list_observation_rows(one, "r") if row["tls_server_name"]]
    assert [row["tls_is_certificate_valid"] for row in rows] == [valid]


def test_a_folder_becomes_a_table_of_observations(tmp_path: Path) -> None:
    write_run(result_of(lookup(HERE4), *visit_to(HERE4)), tmp_path / "mine", parquet=False)
    out = tmp_path / "mine.csv"
    done = CliRunner().invoke(cli, ["export", "ooni", str(tmp_path / "mine"), "--table", "-o", str(out)])
    assert done.exit_code == 0, done.output
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert tuple(rows[0]) == OBS_WEB
    assert {row["tcp_success"] for row in rows if row["ip"] == HERE4} >= {"true"}
    assert {row["tls_is_certificate_valid"] for row in rows if row["tls_server_name"]} == {"true"}
    assert HERE4 in {row["dns_answer"] for row in rows}
    assert {row["http_response_status_code"] for row in rows} >= {"200"}
    assert len({row["measurement_uid"] for row in rows}) == 1


@given(st.text(max_size=20))
def test_a_text_of_the_network_is_one_harmless_cell(text: str) -> None:
    line = make_csv_line([text, None, True, 1.5]).decode()
    (cells,) = csv.reader([line])
    assert cells[1:] == ["", "true", "1.5"]
    assert not cells[0].startswith(("=", "+", "-", "@", "\t", "\r"))
    assert visible(line[:-2]) == line[:-2]


def test_runs_of_the_laboratory_are_not_mixed_with_others(tmp_path: Path) -> None:
    write_run(result_of(*visit_to(HERE4), lab=True), tmp_path, parquet=False)
    none = CliRunner().invoke(cli, ["export", "ooni", str(tmp_path)])
    assert none.exit_code == 1
    assert "--lab" in none.output
    done = CliRunner().invoke(cli, ["export", "ooni", "--lab", str(tmp_path)])
    assert json.loads(done.stdout)["annotations"]["lab"] == "true"


def test_the_laboratory_shows_in_what_is_imported_again() -> None:
    for lab in (True, False):
        (back,) = group_into_runs([read_measurement_line(json.dumps(exported(*visit_to(HERE4), lab=lab)).encode())])
        assert back.run.vantage.lab is lab


def test_controls_are_no_service_and_lookups_alone_are_told() -> None:
    one = result_of(lookup(HERE4))
    lookups = replace(one, verdicts=(replace(one.verdicts[0], input=f"dnslookup://{HOST}"),))
    assert len(export_measurements(lookups)[0]["test_keys"]["queries"]) == 1
    assert not export_measurements(replace(one, verdicts=(replace(one.verdicts[0], role="control"),)))


def test_the_plain_export_still_stands() -> None:
    assert "--release" in CliRunner().invoke(cli, ["export", "--help"]).output
    assert "export ooni" in CliRunner().invoke(cli, ["export", "--help"]).output
    assert "data format" in CliRunner().invoke(cli, ["export", "ooni", "--help"]).output


def _roles(service: str, **outcomes: str) -> tuple[ServiceVerdict, ...]:
    """Roles of a service; `blocked:TYPE` is blocked so."""
    return tuple(ServiceVerdict(service=service, role=read_word(role, ROLES), k=0, n=1,
                                outcome=read_word(word.partition(":")[0], OUTCOMES),
                                block_types=tuple(read_word(cause, BLOCK_TYPES) for cause in word.split(":")[1:]))
                 for role, word in outcomes.items())


@pytest.mark.parametrize(("service", "roles", "keys"), [
    ("telegram", {"chat": "ok", "web": "blocked:tls.reset.sni"},
     {"telegram_tcp_blocking": False, "telegram_http_blocking": False, "telegram_web_status": "blocked"}),
    ("telegram", {"chat": "blocked:ip.blackhole"}, {"telegram_tcp_blocking": True, "telegram_http_blocking": True}),
    ("telegram", {"chat": "blocked:app.drop.protocol"},
     {"telegram_tcp_blocking": False, "telegram_http_blocking": True}),
    ("whatsapp", {"chat": "ok", "register": "inconclusive", "web": "blocked:dns"},
     {"whatsapp_endpoints_status": "ok", "whatsapp_web_status": "blocked"}),
    ("signal", {"chat": "ok", "api": "blocked:tls.mitm"}, {"signal_backend_status": "blocked"}),
    ("signal", {"chat": "ok", "api": "inconclusive"}, {}),
    ("signal", {"chat": "ok", "api": "ok"}, {"signal_backend_status": "ok"}),
    ("messenger", {"chat": "blocked:dns.forged"}, {"facebook_dns_blocking": True, "facebook_tcp_blocking": False}),
    ("viber", {"chat": "blocked:dns"}, {}), ("messenger", {"chat": "down"}, {}),
])
def test_keys_of_messenger_tests_are_filled_where_they_are_decided(service: str, roles: dict[str, str],
                                                                   keys: dict[str, Any]) -> None:
    assert make_messenger_keys(_roles(service, **roles), service) == keys


def test_they_stand_beside_our_own_keys() -> None:
    one = result_of(*visit_to(HERE4))
    changed = replace(one, verdicts=(replace(one.verdicts[0], service="whatsapp"),),
                      services=_roles("whatsapp", chat="ok"))
    assert export_measurements(changed)[0]["test_keys"]["whatsapp_endpoints_status"] == "ok"
