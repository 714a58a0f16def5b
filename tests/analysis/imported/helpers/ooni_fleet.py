"""Days of OONI measurements of one network: clean, struck in one way, or failing for the helper as well."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from ooni_data import ADDRESS, HOST, RESET, TIMEOUT, URL, connect, measurement, query, request, shake, told, web
from ooni_messengers import AWS, DC, of, post
from probe.core.verdicts import Verdict
from probe_analysis.imported.grouping import group_into_runs
from probe_analysis.imported.judging import judge_imported_run
from probe_analysis.imported.ooni.ooni_measurement import read_measurement_line
from probe_analysis.imported.remembered_failures import RememberedFailures

Strike = Literal["", "dns", "tcp", "tls", "http"]
STRIKES: tuple[Strike, ...] = ("dns", "tcp", "tls", "http")
DENIED = "dns_nxdomain_error"
BEGAN = datetime(2026, 5, 1)
OTHERS = (("news.example", "93.184.1.1"), ("maps.example", "93.184.2.1"))
"""Other sites of every report, which are well: they show that the line is."""
PLAIN = f"http://{HOST}/"


def page_of(strike: Strike, *, helper: bool = True) -> dict[str, Any]:
    """Web Connectivity of one site: what the strike makes of it; `helper`: whether the helper is served."""
    url, port = (PLAIN, 80) if strike == "http" else (URL, 443)
    keys = web(control=told(ADDRESS, port=port), tcp_connect=[connect(port=port)])
    if strike == "http":
        keys |= {"tls_handshakes": [], "requests": [request(PLAIN, failure=RESET, address=f"{ADDRESS}:80")]}
    elif strike == "tls":
        keys |= {"tls_handshakes": [shake(failure=RESET)], "requests": [request(failure=RESET, address=None)]}
    elif strike == "tcp":
        keys |= {"tcp_connect": [connect(failure=TIMEOUT, t=10.3)], "tls_handshakes": [],
                 "requests": [request(failure=TIMEOUT, address=None, t=10.3)]}
    elif strike == "dns":
        keys |= {"queries": [query(failure=DENIED)], "tcp_connect": [], "tls_handshakes": [],
                 "requests": [request(failure=DENIED, address=None)]}
    if strike and not helper:
        keys["control"] = _told_nothing(strike, port)
    return {"input": url, "test_keys": keys}


def _told_nothing(strike: Strike, port: int) -> dict[str, Any]:
    """The helper's answer where it fares as the probe does."""
    failed = {"dns": DENIED, "tcp": TIMEOUT}.get(strike, RESET)
    found = told(ADDRESS, port=port, failure=failed)
    place = f"{ADDRESS}:{port}"
    if strike == "dns":
        return {**found, "dns": {"addrs": [], "failure": DENIED}, "tcp_connect": {}, "tls_handshake": {}}
    if strike == "tcp":
        found["tcp_connect"] = {place: {"failure": TIMEOUT, "status": False}}
        found["tls_handshake"] = {}
    if strike == "tls":
        found["tls_handshake"] = {place: {"failure": RESET, "status": False, "server_name": HOST}}
    return found


def telegram_of(strike: Strike) -> dict[str, Any]:
    """Telegram's test: of its data centres and of its web client."""
    places = [(a, p) for a in DC for p in (80, 443)]
    dark, cut, denied = strike == "tcp", strike == "http", strike == "dns"
    web_failure = {"dns": DENIED, "tcp": TIMEOUT, "tls": RESET}.get(strike)
    codes = {80: 404, 443: 501}
    return of("telegram", "0.3.1", {
        "queries": [query("web.telegram.org", *(() if denied else ("149.154.167.99",)),
                          failure=DENIED if denied else None)],
        "tcp_connect": [*(connect(a, p, TIMEOUT if dark else None, t=10.3) for a, p in places),
                        *(() if denied else (connect("149.154.167.99", failure=TIMEOUT if dark else None, t=10.3),))],
        "tls_handshakes": [] if dark or denied else [
            shake("149.154.167.99", name="web.telegram.org", failure=RESET if strike == "tls" else None)],
        "requests": [request("https://web.telegram.org/", failure=web_failure,
                             address=None if web_failure else "149.154.167.99:443"),
                     *(post(a, p, codes[p], TIMEOUT if dark else RESET if cut else None) for a, p in places)],
        "telegram_http_blocking": dark or cut, "telegram_tcp_blocking": dark, "telegram_web_failure": web_failure,
        "telegram_web_status": "blocked" if web_failure else "ok"})


def whatsapp_of(strike: Strike) -> dict[str, Any]:
    """WhatsApp's test, whose sixteen names share four addresses, each asked once."""
    hosts = {f"e{n}.whatsapp.net": f"3.33.221.{48 + n % 4}" for n in range(1, 17)}
    pages = {"v.whatsapp.net": ("https://v.whatsapp.net/v2/register", "157.240.1.53"),
             "web.whatsapp.com": ("https://web.whatsapp.com/", "157.240.1.60")}
    dark, denied, cut = strike == "tcp", strike == "dns", strike == "tls"
    failure = {"dns": DENIED, "tcp": TIMEOUT, "tls": RESET}.get(strike)
    where = hosts | {host: address for host, (_, address) in pages.items()}
    return of("whatsapp", "0.11.0", {
        "queries": [query(h, failure=DENIED) if denied else query(h, a, asn=AWS) for h, a in where.items()],
        "tcp_connect": [] if denied else [
            *(connect(a, p, TIMEOUT if dark else None, t=10.3) for a in hosts.values() for p in (443, 5222)),
            *(connect(a, failure=TIMEOUT if dark else None, t=10.3) for _, a in pages.values())],
        "tls_handshakes": [] if dark or denied else [
            shake(a, name=h, failure=RESET if cut else None) for h, (_, a) in pages.items()],
        "requests": [request(url, failure=failure, address=None if failure else f"{a}:443")
                     for url, a in pages.values()],
        "whatsapp_endpoints_status": "blocked" if dark or denied else "ok", "whatsapp_endpoints_blocked": [],
        "whatsapp_web_status": "blocked" if failure else "ok",
        "registration_server_status": "blocked" if failure else "ok"})


def signal_of(strike: Strike) -> dict[str, Any]:
    """Signal's test: names of its own root, whose root page refuses whoever asks for it."""
    hosts = {f"{name}.signal.org": f"13.248.212.{n}" for n, name in enumerate(("chat", "cdsi", "storage", "sfu.voip"))}
    failure = {"dns": DENIED, "tcp": TIMEOUT, "tls": RESET}.get(strike)
    denied, dark, cut = strike == "dns", strike == "tcp", strike == "tls"
    return of("signal", "0.2.5", {
        "queries": [query(h, failure=DENIED) if denied else query(h, a, asn=AWS) for h, a in hosts.items()],
        "tcp_connect": [] if denied else [connect(a, failure=TIMEOUT if dark else None, t=10.3)
                                          for a in hosts.values()],
        "tls_handshakes": [] if dark or denied else [shake(a, name=h, failure=RESET if cut else None)
                                                     for h, a in hosts.items()],
        "requests": [request(f"https://{h}/", 403 if h.startswith("chat") else 404, failure=failure,
                             address=None if failure else f"{a}:443") for h, a in hosts.items()],
        "signal_backend_status": "blocked" if failure else "ok", "signal_backend_failure": failure})


MESSENGERS = {"telegram": telegram_of, "whatsapp": whatsapp_of, "signal": signal_of}
"""Test -> its measurement under a strike; of `http` only Telegram speaks in the clear."""


def judge(measurements: Iterable[dict[str, Any]], memory: RememberedFailures | None = None) -> list[Verdict]:
    """The verdicts of every run, in order of time; what is stored of a run is judged alike."""
    read = [read_measurement_line(json.dumps(m).encode()) for m in measurements]
    runs = group_into_runs(read, memory)
    for result in runs[::7]:
        assert judge_imported_run(result)[0] == result.verdicts
    return [v for result in runs for v in result.verdicts]


def make_days(what: Mapping[str, Any], *, since: int = 0, days: float = 0.5, an_hour: int = 1, line: bool = False,
              cc: str = "IR") -> Iterator[dict[str, Any]]:
    """The same measurement so often an hour, days long, each in a report of its own; `line`: with other sites that are
    well."""
    for number in range(int(days * 24 * an_hour)):
        at = BEGAN + timedelta(days=since, minutes=number * 60 // an_hour + 5)
        frame = {"measurement_start_time": str(at), "test_start_time": str(at),
                 "report_id": f"{at:%Y%m%dT%H%M%SZ}_test_IR_64500_n1_a"}
        name = what.get("test_name", "web_connectivity")
        yield {**measurement(), **what, **frame, "probe_cc": cc, "measurement_uid": f"{name}{at:%Y%m%d%H%M}"}
        for host, address in OTHERS if line else ():
            keys = web(queries=[query(host, address)], tcp_connect=[connect(address)], control=told(address),
                       tls_handshakes=[shake(address, name=host)],
                       requests=[request(f"https://{host}/", address=f"{address}:443")])
            yield measurement(keys=keys, input=f"https://{host}/", measurement_uid=f"{host}{at:%Y%m%d%H%M}", **frame)
