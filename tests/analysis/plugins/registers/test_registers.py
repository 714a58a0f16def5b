"""Legal block lists: every form is read, and nothing in one is too wrong, too long or too deep."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe_analysis.plugins.registers import register_parse, text_lists
from probe_analysis.plugins.registers.register_names import parse_day, parse_name, parse_network, parse_url
from probe_analysis.plugins.registers.register_parse import READERS, read_items
from probe_analysis.plugins.registers.register_types import Item, ListDate, RefusedEntry, RegisterEntry
from probe_analysis.plugins.registers.register_words import FORMS, REGISTERS

ZI = """Updated: 2026-11-20 06:00:00 +0000
203.0.113.7|2001:db8::1|198.51.100.0/24;example.org|*.wechat.com;;Роскомнадзор;15.4-1;2017-05-04
203.0.113.8;a.example;http://a.example/x;y | https://a.example/z|w;ФНС;2-6-20/2016;2016-02-03
;пример.рф;;Суд;"2-1";2020-01-02
192.0.2.1;;;Генпрокуратура;27-31-2018;2018-04-16
"""


def entries(raw: bytes, form: str) -> list[RegisterEntry]:
    return [item for item in read_items(raw, form) if isinstance(item, RegisterEntry)]


def refused(raw: bytes, form: str) -> list[tuple[int, str]]:
    return [(item.place, item.reason) for item in read_items(raw, form) if isinstance(item, RefusedEntry)]


def test_the_dump_of_the_russian_register() -> None:
    raw = ZI.encode("cp1251")
    updated, *found = read_items(raw, "zi")
    assert updated == ListDate(time="2026-11-20T06:00:00+00:00")
    assert found == [
        RegisterEntry(place=2, hosts=("example.org",), masks=("wechat.com",),
                      networks=("203.0.113.7", "2001:db8::1", "198.51.100.0/24"), date="2017-05-04",
                      authority="Роскомнадзор", decision="15.4-1"),
        RegisterEntry(place=3, hosts=("a.example",), whole=False, urls=("a.example/x;y", "a.example/z|w"),
                      networks=("203.0.113.8",), date="2016-02-03", authority="ФНС", decision="2-6-20/2016"),
        RegisterEntry(place=4, hosts=("xn--e1afmkfd.xn--p1ai",), date="2020-01-02", authority="Суд", decision="2-1"),
        RegisterEntry(place=5, networks=("192.0.2.1",), date="2018-04-16", authority="Генпрокуратура",
                      decision="27-31-2018"),
    ]
    assert list(read_items(gzip.compress(raw), "zi")) == list(read_items(raw, "zi"))


def test_bad_lines_are_told_and_the_rest_is_used() -> None:
    raw = ZI.encode("cp1251") + "too;few\n999.0.0.1;ok.example;;a;b;never\n;;;a;b;2020-01-01\n".encode("cp1251")
    assert refused(raw, "zi") == [
        (6, "has 2 fields, and wants 6"), (7, "an address in it is no address"), (8, "names nothing")]
    assert entries(raw, "zi")[-1] == RegisterEntry(place=7, hosts=("ok.example",), authority="a", decision="b")


RKN = """<?xml version="1.0" encoding="windows-1251"?>
<reg:register xmlns:reg="http://rsoc.ru" updateTime="2026-11-20T09:00:00+03:00" formatVersion="2.4">
<content id="1" includeTime="2017-05-04T11:00:00" entryType="5" blockType="domain-mask" hash="A">
  <decision date="2017-05-02" number="15.4-1" org="Роскомнадзор"/>
  <domain><![CDATA[*.wechat.com]]></domain><ip>203.0.113.7</ip><ipSubnet>198.51.100.0/24</ipSubnet>
  <ipv6>2001:db8::1</ipv6></content>
<content id="2" includeTime="2016-02-03T01:00:00" hash="B">
  <decision date="2016-02-01" number="7" org="ФНС"/><url><![CDATA[http://a.example/x?y=1&z]]></url>
  <domain>a.example</domain></content>
<content id="3" blockType="ip"><decision date="2018-04-16" number="27-31" org="Г"/><ip>192.0.2.1</ip></content>
<content id="4" blockType="domain"><domain>b.example</domain></content>
</reg:register>
"""


def test_the_russian_register_itself() -> None:
    updated, *found = read_items(RKN.encode("cp1251"), "rkn")
    assert updated == ListDate(time="2026-11-20T09:00:00+03:00")
    assert found == [
        RegisterEntry(place=3, masks=("wechat.com",), networks=("203.0.113.7", "198.51.100.0/24", "2001:db8::1"),
                      date="2017-05-04", authority="Роскомнадзор", decision="15.4-1"),
        RegisterEntry(place=7, hosts=("a.example",), whole=False, urls=("a.example/x?y=1&z",), date="2016-02-03",
                      authority="ФНС", decision="7"),
        RegisterEntry(place=10, whole=False, networks=("192.0.2.1",), date="2018-04-16", authority="Г",
                      decision="27-31"),
        RegisterEntry(place=11, hosts=("b.example",)),
    ]


def test_the_polish_register_without_what_was_struck() -> None:
    raw = (b'<Rejestr xmlns="http://www.hazard.mf.gov.pl/2017/03/21/"><PozycjaRejestru Lp="1"><AdresDomeny>bet.example'
           b'</AdresDomeny><DataWpisu>2017-07-01T12:00:00</DataWpisu></PozycjaRejestru><PozycjaRejestru Lp="2">'
           b'<AdresDomeny>free.example</AdresDomeny><DataWpisu>2017-07-01T12:00:00</DataWpisu><DataWykreslenia>'
           b'2018-01-01T00:00:00</DataWykreslenia></PozycjaRejestru></Rejestr>')
    assert entries(raw, "hazard") == [RegisterEntry(place=1, hosts=("bet.example",), date="2017-07-01")]


@pytest.mark.parametrize(("value", "wanted"), [
    (["signal.org", "203.0.113.7", "198.51.100.0/24", "*.wechat.com", "2001:db8::1"], [
        RegisterEntry(place=1, hosts=("signal.org",)), RegisterEntry(place=2, networks=("203.0.113.7",)),
        RegisterEntry(place=3, networks=("198.51.100.0/24",)), RegisterEntry(place=4, masks=("wechat.com",)),
        RegisterEntry(place=5, networks=("2001:db8::1",))]),
    ([{"name": "X", "domains": ["x.com", "twitter.com"], "restriction": {"code": 1}}],
     [RegisterEntry(place=1, hosts=("x.com", "twitter.com"), authority="X")]),
    ({"vk.com": {"term": "2027-05-15", "alias": "VK", "reason": "133/2017", "urls": ["https://vk.com/"],
                 "ips": ["203.0.113.0/24"]}},
     [RegisterEntry(place=1, hosts=("vk.com",), urls=("vk.com/",), networks=("203.0.113.0/24",), until="2027-05-15",
                    authority="VK", decision="133/2017")]),
    ([{"domain": "a.example", "first_blocked_on": "2024-03-01T00:00:00Z"}, {"domain": "b.example", "date": None}],
     [RegisterEntry(place=1, hosts=("a.example",), date="2024-03-01"), RegisterEntry(place=2, hosts=("b.example",))]),
    ({"data": ["a.example"]}, [RegisterEntry(place=1, hosts=("a.example",))]),
    ([], []),
])
def test_lists_in_json(value: object, wanted: list[RegisterEntry]) -> None:
    assert entries(json.dumps(value).encode(), "json") == wanted


def test_plain_lists() -> None:
    raw = "\ufeff# a comment\n\nexample.org\n*.wechat.com # all\n.x.example\n0.0.0.0 ads.example\nhttps://A.example:443/x#y\n"
    raw += "203.0.113.7\n198.51.100.0/24\nexample.net/path\n! no\nnot a name\n"
    assert entries(raw.encode(), "list") == [
        RegisterEntry(place=3, hosts=("example.org",)), RegisterEntry(place=4, masks=("wechat.com",)),
        RegisterEntry(place=5, masks=("x.example",)), RegisterEntry(place=6, hosts=("ads.example",)),
        RegisterEntry(place=7, hosts=("a.example",), whole=False, urls=("a.example/x",)),
        RegisterEntry(place=8, networks=("203.0.113.7",)), RegisterEntry(place=9, networks=("198.51.100.0/24",)),
        RegisterEntry(place=10, hosts=("example.net",), whole=False, urls=("example.net/path",)),
    ]
    assert refused(raw.encode(), "list") == [(12, "a name in it is no host name")]


def test_a_table_of_one_s_own() -> None:
    raw = (b"host,date,authority,note\nthreema.ch web.threema.ch,2023-05-01,MeitY,by press\n,2023-05-01,MeitY,none\n"
           b"one,cell\n")
    assert entries(raw, "table") == [
        RegisterEntry(place=2, hosts=("threema.ch", "web.threema.ch"), date="2023-05-01", authority="MeitY")]
    assert refused(raw, "table") == [(3, "names nothing"), (4, "has 2 cells, the header has 4")]
    assert refused(b"name,when\nx,y\n", "table") == [(1, "the header names neither host, url nor address")]


@pytest.mark.parametrize(("raw", "form", "words"), [
    (b"<html>Not found</html>", "json", "no JSON"),
    (b'["a.example", ', "json", "no JSON"),
    (b"[" * 200_000, "json", "no JSON"),
    (b"7", "json", "neither a list nor an object"),
    (b'[1, ["a"]]', "json", "neither a text nor an object"),
    (b"", "rkn", "no proper XML"),
    (b"<a><b></a>", "hazard", "no proper XML"),
    (b'<!DOCTYPE a [<!ENTITY b "x">]><a>&b;</a>', "hazard", "document type"),
    (b"<a>" * 100, "rkn", "nests deeply"),
    (b'<?xml version="1.0" encoding="no-such"?><a/>', "rkn", "no proper XML"),
    (gzip.compress(b"a.example\n", mtime=0)[:-12], "list", "cut off"),
    (b"\x1f\x8b" + b"\0" * 40, "list", "damaged"),
])
def test_what_is_no_list_is_told_in_words(raw: bytes, form: str, words: str) -> None:
    assert any(words in reason for _, reason in refused(raw, form))


def test_a_cut_off_document_gives_what_came_before() -> None:
    raw = RKN.encode("cp1251")
    assert len(entries(raw[: raw.index(b'<content id="4"') + 20], "rkn")) == 3


def test_lists_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(register_parse, "MAX_ENTRIES", 3)
    assert len(entries(b"a.example\n" * 10, "list")) == 3
    assert refused(b"a.example\n" * 10, "list") == [
        (0, "has more than 3 entries; what comes after them is not read")]
    assert len(entries(b"a.example\n" * 3, "list")) == 3
    monkeypatch.setattr(register_parse, "MAX_BYTES", 1000)
    assert "too large" in refused(gzip.compress(bytes(10_000)), "list")[0][1]
    monkeypatch.setattr(text_lists, "MAX_LINE_BYTES", 20)
    assert list(text_lists.read_lines(b"x" * 50 + b"\n" + b"y")) == [(1, b"x" * 20), (2, b"y")]


def test_a_list_of_another_form_is_not_gone_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(register_parse, "MAX_REFUSED", 3)
    told = refused(b"x;y\n" * 10, "zi")
    assert ([place for place, _ in told], "not read" in told[-1][1]) == ([1, 2, 3, 0], True)
    mixed = b"a.example\n" * 5 + b"http://[\n" * 4 + b"b.example\n"
    assert len(entries(mixed, "list")) == 6, "more was read than refused"


def test_an_entry_of_very_many_items_is_cut() -> None:
    raw = ("|".join(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(21_000)) + ";;;a;b;2020-01-01").encode()
    (entry,) = entries(raw, "zi")
    assert len(entry.networks) == 20_000
    assert "more than" in refused(raw, "zi")[0][1]


def test_forbidden_pages_are_not_quoted() -> None:
    raw = b";;http://[secret-page | http://ok.example/;a;b;2020-01-01\nhttp://[secret-page\n"
    told = [*refused(raw, "zi"), *refused(raw.splitlines()[1], "list")]
    assert told
    assert not [reason for _, reason in told if "secret" in reason]


# --- names


@pytest.mark.parametrize(("text", "name"), [
    ("Example.ORG.", "example.org"), (" a_b.example ", "a_b.example"), ("пример.рф", "xn--e1afmkfd.xn--p1ai"),
])
def test_names_have_one_form(text: str, name: str) -> None:
    assert parse_name(text) == name


@pytest.mark.parametrize("text", ["", "com", "a..b", "-a.example", "a b.example", "1.2.3.4", "x" * 300 + ".example",
                                  "a.example/", "ёж"])
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no host name"):
        parse_name(text)


@pytest.mark.parametrize(("text", "url"), [
    ("HTTPS://Example.org", ("example.org", "example.org/")),
    ("http://example.org:80/a?b=C#d", ("example.org", "example.org/a?b=C")),
    ("http://example.org:81/", ("example.org", "example.org:81/")),
    ("example.org/x", ("example.org", "example.org/x")),
    ("http://203.0.113.7/x", ("203.0.113.7", "203.0.113.7/x")),
])
def test_urls_have_one_form(text: str, url: tuple[str, str]) -> None:
    assert parse_url(text) == url


@pytest.mark.parametrize("text", ["", "http://", "http://com/", "http://[::1", "http://a.example:x/", "x" * 5000])
def test_what_is_no_url_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the library's own words, too
        parse_url(text)


@given(st.text(max_size=80))
def test_no_text_is_too_wrong(text: str) -> None:
    for read in (parse_name, parse_network, parse_url):
        try:
            found = read(text)
        except ValueError:
            continue
        assert read(found if isinstance(found, str) else f"http://{found[1]}") == found, "one form stays as it is"
    assert parse_day(text) in ("", text.strip()[:10]) or len(parse_day(text)) == 10


# --- anything


def lengths(items: Iterable[Item]) -> int:
    return sum(1 for _ in items)


@pytest.mark.parametrize("form", list(READERS))
@given(raw=st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
def test_no_bytes_are_too_wrong(form: str, raw: bytes) -> None:
    for item in read_items(raw, form):
        assert isinstance(item, RegisterEntry | RefusedEntry | ListDate)
        if isinstance(item, RegisterEntry):
            assert item.hosts or item.masks or item.urls or item.networks
    if not raw.startswith(b"\x1f\x8b"):  # what is packed twice is unpacked once
        assert lengths(read_items(gzip.compress(raw), form)) == lengths(read_items(raw, form))


GOOD = {
    "zi": ZI.encode("cp1251"), "rkn": RKN.encode("cp1251"), "list": b"a.example\n203.0.113.7\n",
    "json": b'{"vk.com": {"urls": ["https://vk.com/"], "ips": ["203.0.113.7"]}}',
    "hazard": b"<Rejestr><PozycjaRejestru><AdresDomeny>b.example</AdresDomeny></PozycjaRejestru></Rejestr>",
    "table": b"host,date\na.example,2020-01-01\n",
}


@pytest.mark.parametrize("form", list(READERS))
@given(seed=st.integers(0, 1 << 30))
def test_no_damage_is_too_great(form: str, seed: int) -> None:
    rng, raw = random.Random(seed), bytearray(GOOD[form])
    for _ in range(rng.randint(1, 12)):
        at = rng.randrange(len(raw))
        rng.choice((lambda at=at: raw.__setitem__(at, rng.randrange(256)), lambda at=at: raw.insert(at, raw[at]),
                    lambda at=at: raw.extend(raw[at:at + 50])))()
    for item in read_items(bytes(raw), form):
        assert isinstance(item, RegisterEntry | RefusedEntry | ListDate)


def test_every_register_has_a_form_and_every_form_a_reader() -> None:
    assert set(FORMS) == set(READERS) == set(GOOD)
    assert {register.form for register in REGISTERS.values()} == set(FORMS)
    assert all(name == register.name for name, register in REGISTERS.items())
