"""Who owns what: the packaged tables hold together, and services are unrelated only where nothing joins them."""

from __future__ import annotations

import ipaddress
from collections import Counter
from itertools import combinations
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.catalogue import packaged
from probe.catalogue.load import load_catalogue
from probe.catalogue.owner_types import Owner, Sanction
from probe.catalogue.owners import (
    ServiceAt,
    are_unrelated,
    choose_unrelated,
    find_front,
    find_network_owner,
    find_owner,
    may_refuse,
)
from probe.catalogue.packaged import load_owners, load_sanctions, load_services
from probe.catalogue.types import CatalogueError
from probe.core.tables.owner_words import OWNER_KINDS, OwnerKind

OWNERS = load_owners()
KIND_OF_LIST: dict[str, OwnerKind] = {
    "fronts": "front", "dns_hosts": "dns_host", "caches": "cache", "transits": "transit",
}
OWN_ZONES = frozenset({"meta", "vk"})
"""They answer for their own zones alone, and are no hosts of others'."""


def at(service: str, *addresses: str, host: str = "", asns: tuple[int, ...] = ()) -> ServiceAt:
    return ServiceAt(service=service, host=host, addresses=frozenset(addresses), asns=frozenset(asns))


# ---- the tables

def test_every_service_has_exactly_one_owner() -> None:
    counts = Counter(service for owner in OWNERS.values() for service in owner.services)
    assert set(counts) <= set(load_services())
    assert set(counts.values()) == {1}
    assert set(load_services()) - set(counts) == {"control", "register"}, "these two are of many owners, told by host"


@pytest.mark.parametrize("field", KIND_OF_LIST)
def test_whom_an_owner_stands_behind_is_in_the_table_and_of_that_kind(field: str) -> None:
    named = {(name, other) for name, owner in OWNERS.items() for other in getattr(owner, field)
             if not (name == other and name in OWN_ZONES)}
    assert named or field == "transits"
    assert [pair for pair in named if pair[1] not in OWNERS or KIND_OF_LIST[field] not in OWNERS[pair[1]].kinds] == []


def test_every_owner_has_a_source_and_a_kind_in_use() -> None:
    assert [name for name, owner in OWNERS.items() if len(owner.source) < 8] == []
    assert {kind for owner in OWNERS.values() for kind in owner.kinds} == set(OWNER_KINDS)


def test_prefixes_do_not_overlap() -> None:
    nets = [(name, ipaddress.ip_network(prefix)) for name, owner in OWNERS.items() for prefix in owner.prefixes]
    assert [(one, other) for (one, a), (other, b) in combinations(nets, 2)
            if a.version == b.version and a.overlaps(b)] == []


@pytest.mark.parametrize("field", ["asns", "names"])
def test_no_two_owners_have_the_same(field: str) -> None:
    counts = Counter(value for owner in OWNERS.values() for value in getattr(owner, field))
    assert [value for value, times in counts.items() if times > 1] == []


def test_owners_and_services_agree_on_the_operators_seats() -> None:
    services = load_services()
    assert [(name, service) for name, owner in OWNERS.items() for service in owner.services
            if not set(owner.countries) & set(services[service].operator_country)] == []


def test_the_hosts_of_a_service_are_its_owners_or_a_known_others() -> None:
    """A host lies in a domain of another owner only where that is known: stores, downloads, controls."""
    foreign = {(e.service, find_owner(e.service, e.host)) for e in load_catalogue(search=False).endpoints
               if e.role not in ("store", "control", "download")
               and find_owner(e.service, e.host) != find_owner(e.service)}
    assert foreign == set()


def test_whom_sanctions_except_is_in_the_table_and_would_be_bound() -> None:
    for sanction in load_sanctions():
        assert [name for name in sanction.serves if name not in OWNERS or not (
            sanction.whole or set(OWNERS[name].countries) & set(sanction.seats))] == []
    assert len({sanction.country for sanction in load_sanctions()}) == len(load_sanctions())


@pytest.mark.parametrize("change", [
    {"prefixes": ["10.0.0.1/8"]}, {"prefixes": ["x"]}, {"kinds": []}, {"kinds": ["landlord"]}, {"countries": []},
    {"countries": ["us"]}, {"source": ""}, {"fronst": []},
])
def test_an_owner_that_is_none_is_refused(change: dict[str, object]) -> None:
    good = {"title": "A", "kinds": ["front"], "countries": ["US"], "source": "https://a.example/"}
    assert msgspec.convert(good, Owner).title == "A"
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(good | change, Owner)


@pytest.mark.parametrize("change", [
    {"country": "Iran"}, {"seats": []}, {"until": "1990-01-01"}, {"since": "soon"}, {"by": "x"},
])
def test_a_sanction_that_is_none_is_refused(change: dict[str, object]) -> None:
    good = {"country": "IR", "since": "1995-05-06", "seats": ["US"], "source": "a law"}
    assert msgspec.convert(good, Sanction).country == "IR"
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(good | change, Sanction)


# ---- what is asked of them

@pytest.mark.parametrize(("service", "host", "owner"), [
    ("whatsapp", "", "meta"), ("instagram", "i.instagram.com", "meta"), ("skype", "", "microsoft"),
    ("whatsapp", "itunes.apple.com", "apple"), ("telegram", "play.google.com", "google"),
    ("signal", "github.com", "microsoft"), ("control", "cp.cloudflare.com", "cloudflare"),
    ("control", "stun.example", "control"), ("nobody_knows", "", "nobody_knows"),
    ("nobody_knows", "notapple.com", "nobody_knows"), ("nobody_knows", "WWW.Apple.com.", "apple"),
    ("signal", "76.223.66.180", "signal"),
])
def test_whose_a_service_is(service: str, host: str, owner: str) -> None:
    assert find_owner(service, host) == owner


@pytest.mark.parametrize(("address", "owner", "front"), [
    ("104.16.0.0", "cloudflare", "cloudflare"), ("104.23.255.255", "cloudflare", "cloudflare"),
    ("104.28.0.0", "", ""), ("103.21.243.255", "", ""), ("31.13.64.1", "meta", ""),
    ("2a04:4e42::1", "fastly", "fastly"),
    ("2001:67c:4e8:f002::a", "telegram", ""), ("near", "", ""), ("", "", ""), ("192.0.2.1", "", ""), ("::1", "", ""),
    ("0.0.0.0", "", ""),
])
def test_whose_network_an_address_lies_in(address: str, owner: str, front: str) -> None:
    assert (find_network_owner(address), find_front(address)) == (owner, front)


A, B, FAR = at("a", "198.18.0.1"), at("b", "203.0.113.1"), "192.0.2.7"
JOINED: dict[str, tuple[ServiceAt, ServiceAt]] = {
    "one owner of two services": (at("facebook", "198.18.0.1"), at("whatsapp", "203.0.113.1")),
    "one store that both are in": (at("a", host="itunes.apple.com"), at("b", host="itunes.apple.com")),
    "one front by their addresses": (at("a", "104.16.0.1"), at("b", "172.64.0.1")),
    "one front by their networks": (at("a", "198.18.0.1", asns=(13335,)), at("b", "203.0.113.1", asns=(132892,))),
    "one front that both are known to use": (at("signal"), at("slack")),
    "a front, and who is behind it": (at("google"), at("snapchat")),
    "one host of zones": (at("discord", "198.18.0.1"), at("matrix", "203.0.113.1")),
    "one network that nobody knows": (at("a", "198.18.0.1", asns=(64500,)), at("b", "203.0.113.1", asns=(64500,))),
    "one /16": (at("a", "198.18.0.1"), at("b", "198.18.255.1")),
    "one of two addresses": (at("a", FAR, "198.18.0.1"), at("b", "203.0.113.1", "198.18.9.1")),
}
APART: dict[str, tuple[ServiceAt, ServiceAt]] = {
    "nothing is known": (at("a"), at("b")),
    "other networks": (A, B),
    "the addresses are elsewhere than the owners' other fronts": (
        at("signal", "15.197.251.99"), at("discord", "162.159.128.1")),
    "two owners with networks of their own": (at("telegram", "149.154.167.51"), at("facebook", "157.240.1.1")),
    "transit is no end": (at("a", "198.18.0.1", asns=(174,)), at("b", "203.0.113.1", asns=(3356,))),
}


@pytest.mark.parametrize(("pair", "unrelated"), [(pair, False) for pair in JOINED.values()]
                         + [(pair, True) for pair in APART.values()], ids=[*JOINED, *APART])
def test_what_makes_two_services_related(pair: tuple[ServiceAt, ServiceAt], unrelated: bool) -> None:
    assert are_unrelated(*pair) is unrelated


services_at = st.builds(
    ServiceAt, service=st.sampled_from((*load_services(), "a", "b")),
    host=st.sampled_from(("", "itunes.apple.com", "a.example", "x.com", "..")),
    addresses=st.frozensets(st.ip_addresses().map(str) | st.sampled_from(("", "near", "104.16.0.1", "31.13.64.1")),
                            max_size=3),
    asns=st.frozensets(st.sampled_from((0, 13335, 132892, 32934, 64500)), max_size=2))


@given(services_at, services_at)
def test_being_unrelated_is_mutual(one: ServiceAt, other: ServiceAt) -> None:
    assert are_unrelated(one, other) == are_unrelated(other, one)


@given(services_at, services_at)
def test_nobody_is_unrelated_to_himself_nor_to_what_his_owner_has(one: ServiceAt, other: ServiceAt) -> None:
    assert not are_unrelated(one, one)
    assert not (one.owner == other.owner and are_unrelated(one, other))


@given(st.lists(services_at, max_size=6))
def test_those_chosen_are_unrelated_and_nobody_else_could_be_added(services: list[ServiceAt]) -> None:
    chosen = choose_unrelated(services)
    assert all(are_unrelated(a, b) for a, b in combinations(chosen, 2))
    assert all(any(not are_unrelated(service, other) for other in chosen) for service in services)


@pytest.mark.parametrize(("service", "country", "refused"), [
    (at("facebook", "157.240.1.1"), "IR", False), (at("signal", "203.0.113.1"), "IR", True),
    (at("discord", "203.0.113.1"), "IR", True), (at("telegram"), "IR", False),
    (at("signal", "15.197.251.99"), "IR", True), (at("google"), "CN", True), (at("google"), "DE", False),
    (at("zangi"), "KP", True), (at("slack"), "UA", True), (at("zello"), "UA", False),
    (at("discord"), "RU", False), (at("telegram"), "ZZ", False), (at("discord"), "ZZ", True),
    (at("a", "203.0.113.1"), "IR", True), (at("a", "104.16.0.1"), "IR", True), (at("a", "203.0.113.1"), "UA", False),
    (at("a", "203.0.113.1"), "RU", False), (at("threema", "203.0.113.1"), "SY", True), (at("threema"), "UA", False),
    (at("discord", "203.0.113.1"), "SY", True),
])
def test_who_may_refuse_a_country(service: ServiceAt, country: str, refused: bool) -> None:
    assert may_refuse(service, country) is refused


def test_a_table_that_lacks_a_fact_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever adds a service writes one, and reads this error first."""
    whole = (packaged.FOLDER / "owners.toml").read_text(encoding="utf-8")
    (tmp_path / "owners.toml").write_text(f'{whole}\n[irc]\ntitle = "IRC"\nkinds = ["operator"]\n', encoding="utf-8")
    monkeypatch.setattr(packaged, "FOLDER", tmp_path)
    with pytest.raises(CatalogueError) as caught:
        packaged.load_owners.__wrapped__()
    assert [problem.reason.split(":")[0] for problem in caught.value.problems] == ["[irc]"]
