"""Networks of services' addresses, by the packaged table; a run hands them on only where something failed."""

from __future__ import annotations

from pathlib import Path

import pytest

from observations import HERE4, TIMEOUT, lookup, told, visit_to
from probe.config.geo import address_networks
from probe.config.geo.address_networks import look_up_countries, look_up_networks
from probe.config.geo.packaged_table import PackedTable
from probe.core.tables.failures import Failure
from probe.session.observation_log import ObservationLog
from probe.session.run_verdicts import find_met_networks

CLOUDFLARE, GOOGLE6 = "104.16.1.1", "2a00:1450::5"
KAKAO, YANDEX = "211.231.99.1", "93.158.134.3"


def test_what_the_table_knows_is_told_of_public_addresses_alone() -> None:
    asked = [CLOUDFLARE, GOOGLE6, "10.0.0.1", "near", "", "192.0.2.1", "64:ff9b::6810:101"]
    assert look_up_networks(asked) == {CLOUDFLARE: 13335, GOOGLE6: 15169}
    assert look_up_countries([*asked, KAKAO, YANDEX]) == {**look_up_countries([CLOUDFLARE, GOOGLE6]), KAKAO: "KR",
                                                            YANDEX: "RU"}


def test_without_a_table_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address_networks, "_table", lambda: PackedTable(tmp_path / "none"))
    address_networks._find.cache_clear()
    assert look_up_networks([CLOUDFLARE]) == {}
    assert look_up_countries([CLOUDFLARE]) == {}
    address_networks._find.cache_clear()


@pytest.mark.parametrize(("failure", "lab", "known"), [
    (TIMEOUT, False, {CLOUDFLARE: 13335, GOOGLE6: 15169}), (TIMEOUT, True, {}), ("", False, {}),
])
def test_a_run_hands_on_what_it_met_where_something_failed(failure: Failure, lab: bool,
                                                            known: dict[str, int]) -> None:
    log = ObservationLog("r")
    for seen in (lookup(CLOUDFLARE), *visit_to(HERE4, until="tls" if failure else "", failure=failure)):
        log.add(seen)
    log.add_control(told(addresses=(GOOGLE6,)))
    assert {a: n for a, n in find_met_networks(log, lab=lab).items() if a != HERE4} == known
