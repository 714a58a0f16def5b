"""Single parts of messaging services, seen on the wire: what of a service is struck, and that the rest of it is not."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from lab_datagrams import binding_request
from lab_elsewhere import elsewhere
from lab_fidelity import Place, Watched, on
from lab_fidelity_checks import (
    BRIEF_S,
    acts,
    addresses,
    assert_innocent_name_resolves,
    assert_never_arrives,
    assert_resolver_lies,
    assert_unanswered,
    public_resolver,
)
from lab_first_words import first_words, is_genuine
from lab_hellos import hello
from lab_innocents import fault, fetch

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(200)]


def assert_speaks_elsewhere(w: Watched, place: Place) -> None:
    said = first_words(place.protocol)
    failure, data = elsewhere(w, place, said)
    assert (failure, is_genuine(place.protocol, said, data)) == ("", True)


@on("telegram-mute")
def test_telegram_hears_and_is_not_heard_while_its_pages_are(w: Watched) -> None:
    for t in w.targets():
        flow = w.tcp(t, first_words("mtproto"), read_bytes=1, timeout_s=BRIEF_S)
        assert_unanswered(w, flow)
        assert set(acts(w, flow)) == {"app.mute.protocol"}
        assert_speaks_elsewhere(w, t)
    for page in w.targets("page"):
        flow = w.http(page, read_bytes=1)
        assert (flow.failure, flow.data[:5]) == ("", b"HTTP/")
        assert not acts(w, flow)


@on("calls-blocked")
def test_relays_are_asked_in_vain_and_the_rest_of_the_service_is_not(w: Watched) -> None:
    for t in w.targets():
        assert w.udp(t, binding_request(), port=t.port, timeout_s=BRIEF_S).failure == "timeout"
        failure, data = elsewhere(w, t, binding_request(), transport="udp")
        assert (failure, data[:2]) == ("", b"\x01\x01")
    assert {entry.block_type for entry in w.truth()} == {"udp"}
    for place in (*w.targets("chat"), *w.targets("web")):
        assert w.tls(place).failure == ""


@on("whatsapp-calls-blocked")
def test_datagrams_to_the_ports_of_relays_vanish_and_the_rest_of_the_service_passes(w: Watched) -> None:
    ports = (3478, 3479, 3480, 3481)
    places = [place for alias in ("chat", "media", "web", "other") for place in w.targets(alias)]
    for place in places:
        for port in ports if place == places[0] else ports[:1]:
            flow = w.udp(place, binding_request(), port=port, timeout_s=BRIEF_S)
            w.settle()
            assert (flow.failure, w.from_server(flow)) == ("timeout", []), "nothing is forged in its stead"
            assert set(acts(w, flow)) == {"udp"}
    (place,) = w.targets("web")[:1]
    assert elsewhere(w, place, binding_request(), port=ports[0], transport="udp")[0] == "ECONNREFUSED"
    acted = len(w.truth())
    assert w.udp(place, binding_request(), port=ports[-1] + 1).failure == "ECONNREFUSED", "the port alone is meant"
    innocent = w.innocent()
    assert w.udp(innocent, binding_request(), port=ports[0]).failure == "ECONNREFUSED", "and these addresses"
    for place in w.targets("chat"):
        said = first_words(place.protocol)
        flow = w.tcp(place, said, read_bytes=1)
        assert (flow.failure, is_genuine(place.protocol, said, flow.data)) == ("", True)
    for place in (*w.targets("media"), *w.targets("web"), *w.targets("other")):
        assert w.tls(place).failure == ""
    assert len(w.truth()) == acted, "none of which anybody touched"
    assert {(e.block_type, e.action, e.direction, e.port in ports) for e in w.truth()} == {
        ("udp", "drop", "to_server", True)}


@on("messenger-dns")
def test_names_are_denied_or_led_astray_and_addresses_are_open(w: Watched) -> None:
    for place in w.targets("chat"):
        flow = w.dns(place.host)
        w.settle()
        assert w.from_server(flow)[0].dns.rcode == 3
    for place in (*w.targets("web"), *w.targets("other")):
        assert_resolver_lies(w, place, address=w.drawn.world.sinkhole)
    for place in (*w.targets("chat"), *w.targets("web")):
        assert w.tls(place).failure == "", "at its own address the service answers"
    for place in (w.target("chat"), w.target("web")):
        flow = w.dns(place.host, server=public_resolver())
        w.settle()
        assert set(addresses(w.from_server(flow)[0])) <= set(place.addresses), "another resolver is honest"
    assert_innocent_name_resolves(w)


@on("mmtls-blocked")
def test_the_app_is_dropped_and_the_web_client_is_not(w: Watched) -> None:
    for t in w.targets():
        flow = w.tcp(t, first_words("mmtls"), read_bytes=1, timeout_s=BRIEF_S)
        assert_never_arrives(w, flow)
        assert set(acts(w, flow)) == {"app.drop.protocol"}
        assert_speaks_elsewhere(w, t)
    assert {w.tls(place).failure for place in w.targets("web")} == {""}


@on("kakaotalk-cn")
def test_one_service_is_reset_on_the_way_and_others_refuse_the_country_themselves(w: Watched) -> None:
    for t in w.targets():
        flow = w.tls(t)
        assert flow.failure == "ECONNRESET"
        assert {p.tcp.window for p in w.await_packets(3, flow, flags="R")} == {w.number("ttl") + 1375}
    assert {entry.block_type for entry in w.truth()} == {"tls.reset.sni"}
    drawn = fault(w, "status")
    for place in w.targets("fence"):
        found = fetch(w, place, trust="certifi")
        assert (found["failure"], found["status"], found["text"]) == ("", drawn["status"], drawn["body"])


@on("signal-new-root")
def test_the_service_s_own_hosts_have_a_new_root_and_its_pages_have_not(w: Watched) -> None:
    for place in (*w.targets("chat"), *w.targets("api")):
        issuer = x509.load_der_x509_certificate(w.tls(place).certificate).issuer
        assert issuer.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "Signal Messenger, LLC"
    for place in w.targets("web"):
        assert fetch(w, place, trust="certifi")["failure"] == ""
    assert w.truth() == ()


@on("proxy-443-page")
def test_a_proxy_answers_for_everybody_on_one_port(w: Watched) -> None:
    page = str(fault(w, "mitm")["page"])
    places = [*w.targets(), *w.targets("recorded"), *w.targets("dead"), *w.targets("unknown")]
    found = [fetch(w, place) for place in places]
    assert {(one["failure"], one["status"], one["text"]) for one in found} == {("", 200, page)}
    assert len({one["issuer"] for one in found}) == 1, "one authority signs for all, and it is nobody's"
    assert fetch(w, places[0], trust="certifi")["failure"].startswith("certificate ")
    for place in w.targets("app"):
        said = first_words(place.protocol)
        flow = w.tcp(place, said, read_bytes=15, timeout_s=BRIEF_S)
        assert (flow.failure, flow.data[:15]) == ("", b"HTTP/1.1 200 OK")
        assert not is_genuine(place.protocol, said, flow.data)
        assert_speaks_elsewhere(w, place)
    for place in w.targets("dead"):
        assert elsewhere(w, place, hello(place.sni), timeout_s=BRIEF_S)[0] == "timeout", "the host itself is gone"
    assert {entry.block_type for entry in w.truth()} <= {""}


@on("retired-services")
def test_names_of_closed_services_have_different_fates(w: Watched) -> None:
    sinkhole, lie = w.drawn.world.sinkhole, str(fault(w, "resolver_lie")["address"])

    def told(place: Place) -> list[str]:
        flow = w.dns(place.host)
        w.settle()
        return addresses(w.from_server(flow)[0])

    assert [told(place) for place in w.targets("absent")] == [[]]
    assert {tuple(told(place)) for place in (*w.targets("parked"), *w.targets("dark"))} == {(sinkhole,)}
    assert {tuple(told(place)) for place in w.targets("lied")} == {(lie,)}
    assert w.connect(sinkhole, port=80, timeout_s=BRIEF_S).failure == "timeout"
    assert {entry.block_type for entry in w.truth()} == {""}


@on("fence-silent")
def test_the_operator_s_own_hosts_refuse_the_client_alone(w: Watched) -> None:
    failures = {"drop": "timeout", "reset": "ECONNREFUSED", "prohibit": "EHOSTUNREACH"}
    failure = failures[str(fault(w, "host_bans")["reply"])]
    for place in (*w.targets(), *w.targets("chat")):
        assert w.connect(place, timeout_s=BRIEF_S).failure == failure
        assert elsewhere(w, place, hello(place.sni))[0] == ""
    assert w.connect(w.innocent()).failure == ""
