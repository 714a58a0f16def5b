"""The drawn world and its authorities: what one seed determines, and what must never be in it."""

from __future__ import annotations

import ipaddress
import random
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from lab_servers_world import row
from probe.catalogue.load import list_anchor_files, load_catalogue
from probe_lab.lab_types import World
from probe_lab.path.line import draw_line
from probe_lab.pki import anchor_of, issue, load_issuer, make_pki, world_time
from probe_lab.world import draw_world, pinned_addresses, with_tenants

ROWS = load_catalogue(search=False).endpoints


def addresses(world: World) -> list[str]:
    """Every address that was drawn, not those that the real world fixes."""
    places = [world.client4, world.client6, world.gateway4, world.gateway6, world.resolver, world.sinkhole]
    vantages = [address for vantage in world.vantages for address in (vantage.ipv4, vantage.ipv6)]
    fixed = {*pinned_addresses(), "127.0.0.1", *vantages}
    hosts = [address for plan in world.hosts.values() for address in (*plan.ipv4, *plan.ipv6) if address not in fixed]
    return [*places, world.portal, world.mitm, *vantages, *hosts]


def test_the_seed_decides_everything(seed: int) -> None:
    assert draw_world(seed=seed, endpoints=ROWS) == draw_world(seed=seed, endpoints=ROWS)
    one, other = (set(addresses(draw_world(seed=drawn, endpoints=ROWS))) for drawn in (seed, seed + 1))
    assert len(one & other) < 10, "the same addresses whatever the seed"


def test_addresses_look_public_and_belong_to_one_host_each(seed: int) -> None:
    world = draw_world(seed=seed, endpoints=ROWS)
    drawn = addresses(world)
    assert len(drawn) == len(set(drawn))
    assert not set(drawn) & {*pinned_addresses(), *world.literals}
    for text in drawn:
        address = ipaddress.ip_address(text)
        assert address.is_global, text
        assert not address.is_multicast, text
    networks = [text.rpartition(".")[0] for text in drawn if ":" not in text]
    assert len(networks) == len(set(networks)), "two hosts in one /24"


def test_names_that_must_exist_do_and_no_others(seed: int) -> None:
    world = draw_world(seed=seed, endpoints=ROWS)
    living = {row.host for row in ROWS if row.status != "dead"}
    for name in living:
        known = name in world.hosts or name in world.literals
        assert known != ("{" in name), name
    dead_only = {row.host for row in ROWS if row.status == "dead"} - living
    assert dead_only, "the catalogue has dead services"
    assert not dead_only & set(world.hosts)
    assert world.hosts["uptime.signal.org"].ipv4 == ("127.0.0.1",)
    assert world.hosts["dns.google"].ipv4[0] == "8.8.8.8"
    assert "149.154.167.51" in world.literals


def test_counts_and_shares_of_addresses(seed: int) -> None:
    plans = draw_world(seed=seed, endpoints=ROWS).hosts.values()
    assert {len(plan.ipv4) for plan in plans} == {1, 2, 3}
    share = sum(bool(plan.ipv6) for plan in plans) / len(plans)
    assert 0.45 < share < 0.75


def test_ranges_and_helpers_are_kept(rng: random.Random) -> None:
    for _ in range(50):
        low = rng.randint(10, 100)
        world = draw_world(
            seed=rng.getrandbits(32), endpoints=ROWS[:5], rtt_ms=(low, low + 50), hops=(3, 5), helpers=rng.randint(0, 3)
        )
        assert low <= 2 * world.client_delay_ms <= low + 50
        assert 3 <= world.hops <= 5
        assert 1 <= world.censor_hop < world.hops
        assert len({(v.asn, v.cc) for v in world.vantages}) == len(world.vantages)
        for vantage in world.vantages:
            plan = world.hosts[f"{vantage.control_id}.lab.example"]
            assert (plan.ipv4, plan.ipv6) == ((vantage.ipv4,), (vantage.ipv6,))
    with pytest.raises(ValueError, match="helpers"):
        draw_world(seed=1, endpoints=(), helpers=99)


def test_a_client_behind_translators_has_no_public_address_and_neither_have_its_next_routers(seed: int) -> None:
    world = draw_world(seed=seed, endpoints=(), hops=(5, 8), private_hops=3)
    routers = [ipaddress.IPv4Address(text) for text in draw_line(world).routers4]
    assert ipaddress.IPv4Address(world.client4) in ipaddress.ip_network(f"{world.gateway4}/24", strict=False)
    assert str(routers[0]) == world.gateway4
    assert routers[0] in ipaddress.ip_network("192.168.0.0/16")
    assert all(router in ipaddress.ip_network("100.64.0.0/10") for router in routers[1:3])
    assert all(router.is_global for router in routers[3:])
    assert draw_world(seed=seed, endpoints=(), hops=(1, 2), private_hops=9).private_hops <= 2


def test_the_place_of_the_middlebox_can_be_asked_for(rng: random.Random) -> None:
    for _ in range(50):
        hops, wanted = rng.randint(3, 8), rng.randint(1, 9)
        seed = rng.getrandbits(32)
        assert wanted == (open_world := draw_world(seed=seed, endpoints=(), censor_hop=wanted)).censor_hop
        assert wanted <= open_world.door
        if wanted < hops:
            world = draw_world(seed=seed, endpoints=(), hops=(hops, hops), censor_hop=wanted)
            assert (world.hops, world.censor_hop) == (hops, wanted)
            assert wanted <= world.door
        else:
            with pytest.raises(ValueError, match="an operator's own"):
                draw_world(seed=seed, endpoints=(), hops=(hops, hops), censor_hop=wanted)


def test_the_last_routers_are_the_operators_own_and_the_censor_stands_before_them(rng: random.Random) -> None:
    for _ in range(50):
        world = draw_world(seed=rng.getrandbits(32), endpoints=(), hops=(2, 12))
        assert 1 <= world.door_hops <= max(1, world.hops // 3)
        assert 1 <= world.censor_hop <= world.door
        there = draw_world(seed=rng.getrandbits(32), endpoints=(), hops=(6, 12), door_hops=3, at_door=True)
        assert there.door_hops == 3
        assert there.door < there.censor_hop <= there.hops
    assert draw_world(seed=1, endpoints=(), hops=(1, 1)).door_hops == 0
    assert draw_world(seed=1, endpoints=(), hops=(4, 4), door_hops=5).door_hops == 3


def network_of(address: str) -> str:
    return address[:9] if ":" in address else ".".join(address.split(".")[:2])


def test_an_owner_has_networks_of_its_own(seed: int) -> None:
    world = draw_world(seed=seed, endpoints=ROWS)
    drawn = {a: owner for a, owner in world.owners.items() if a not in {*world.literals, *pinned_addresses()}}
    whose: dict[str, set[str]] = {}
    for address, owner in drawn.items():
        whose.setdefault(network_of(ipaddress.ip_address(address).exploded), set()).add(owner)
    assert all(len(owners) == 1 for owners in whose.values())
    of_signal = {network_of(address) for address, owner in drawn.items() if owner == "signal" and ":" not in address}
    assert len(of_signal) == 1
    assert world.owners[world.hosts["chat.signal.org"].ipv4[0]] == "signal"


def test_an_owner_of_many_hosts_has_several_networks(seed: int) -> None:
    rows = [replace(row(f"https://a{number}.example/"), service="signal") for number in range(200)]
    world = draw_world(seed=seed, endpoints=rows)
    fours = [address for address, owner in world.owners.items() if owner == "signal" and ":" not in address]
    assert len({address.rpartition(".")[0] for address in fours}) == len(fours) > 200
    assert 1 < len({network_of(address) for address in fours}) < 6


def test_tenants_lie_in_the_networks_of_their_front(seed: int) -> None:
    plain = draw_world(seed=seed, endpoints=ROWS)
    front = plain.hosts["chat.signal.org"].ipv4[0]
    world = with_tenants(plain, ["web.telegram.org"], front)
    old, new = plain.hosts["web.telegram.org"], world.hosts["web.telegram.org"]
    assert (len(old.ipv4), len(old.ipv6)) == (len(new.ipv4), len(new.ipv6))
    found = {address: world.owners[address] for address in (*new.ipv4, *new.ipv6)}
    assert set(found.values()) == {"signal"}
    of_signal = {network_of(ipaddress.ip_address(a).exploded) for a, o in plain.owners.items() if o == "signal"}
    assert {network_of(ipaddress.ip_address(address).exploded) for address in found} <= of_signal
    assert not found.keys() & plain.owners.keys()
    with pytest.raises(ValueError, match="no addresses"):
        with_tenants(plain, ["nobody.example"], front)
    with pytest.raises(ValueError, match="no operator"):
        with_tenants(plain, [], "192.0.2.1")


def test_two_names_can_share_their_addresses_and_nothing_else_changes(seed: int) -> None:
    rows = [row(f"https://{name}.example/") for name in ("one", "other", "third")]
    plain, shared = (
        draw_world(seed=seed, endpoints=rows, shared=shares) for shares in (None, {"ONE.example": "other.example"})
    )
    assert shared.hosts["one.example"] == replace(plain.hosts["other.example"], name="one.example")
    assert replace(shared, hosts=plain.hosts) == plain
    assert shared.hosts["third.example"] == plain.hosts["third.example"]
    for wrong in ({"one.example": "nobody.example"}, {"uptime.signal.org": "one.example"}):
        with pytest.raises(ValueError, match="no addresses"):
            draw_world(seed=seed, endpoints=rows, shared=wrong)


def test_a_name_of_a_living_and_a_dead_row_lives() -> None:
    rows = (row("https://both.example/"), row("https://both.example/old", status="dead"))
    assert "both.example" in draw_world(seed=1, endpoints=rows).hosts


@pytest.mark.parametrize("shift_s", [0, -2 * 365 * 86400, 5 * 365 * 86400])
def test_authorities_stand_around_the_clock_of_the_world(shift_s: int, tmp_path: Path) -> None:
    world = draw_world(seed=1, endpoints=ROWS[:5], clock_shift_s=shift_s)
    make_pki(tmp_path, clock_shift_s=shift_s, world=world)
    made = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    anchors = {f"anchors/{file.name}" for file in list_anchor_files()}
    keys = {f"anchor-keys/{file.stem}.key" for file in list_anchor_files()}
    helpers = {f"helpers/{v.control_id}{suffix}" for v in world.vantages for suffix in (".pem", ".key")}
    assert anchors, "the catalogue ships an anchor"
    assert made == {"ca.pem", "ca.key", "foreign-ca.pem", "foreign-ca.key"} | anchors | keys | helpers

    root = x509.load_pem_x509_certificate((tmp_path / "ca.pem").read_bytes())
    helper = x509.load_pem_x509_certificate((tmp_path / "helpers/helper-a.pem").read_bytes())
    helper.verify_directly_issued_by(root)
    names = helper.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["helper-a.lab.example"]
    now = world_time(shift_s)
    assert helper.not_valid_before_utc < now < helper.not_valid_after_utc
    decade = timedelta(days=3650)
    assert root.not_valid_before_utc < now - decade < now + decade < root.not_valid_after_utc
    foreign = x509.load_pem_x509_certificate((tmp_path / "foreign-ca.pem").read_bytes())
    assert foreign.public_key() != root.public_key()


def test_private_keys_are_private_and_of_the_right_kind(tmp_path: Path) -> None:
    make_pki(tmp_path, clock_shift_s=0, world=draw_world(seed=1, endpoints=()))
    for path in tmp_path.rglob("*.key"):
        assert path.stat().st_mode & 0o077 == 0, path
    assert isinstance(load_issuer(tmp_path / "ca.pem", tmp_path / "ca.key").key, ec.EllipticCurvePrivateKey)
    assert anchor_of("signal_root") == "signal_root_a"
    assert anchor_of("web_pki") == ""
    with pytest.raises(ValueError, match=r".+"):
        load_issuer(tmp_path / "ca.pem", tmp_path / "ca.pem")
    alone = x509.load_pem_x509_certificate(issue(None, names=("a.example",), now=world_time(0)))
    alone.verify_directly_issued_by(alone)
