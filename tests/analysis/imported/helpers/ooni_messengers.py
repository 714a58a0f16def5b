"""OONI's tests of messengers, and of names at foreign servers, as their specifications describe them (ts-018 ...)."""

from __future__ import annotations

from typing import Any

from ooni_data import ADDRESS, RESET, TIMEOUT, connect, measurement, query, request, shake

DC = ("149.154.175.50", "149.154.167.51", "149.154.175.100", "149.154.167.91", "149.154.171.5", "95.161.76.100")
AWS = 16509
FACEBOOK = {"stun": "stun.fbsbx.com", "b_api": "b-api.facebook.com", "b_graph": "b-graph.facebook.com",
            "edge": "edge-mqtt.facebook.com", "external_cdn": "external.xx.fbcdn.net",
            "scontent_cdn": "scontent.xx.fbcdn.net", "star": "star.c10r.facebook.com"}


def of(test: str, version: str, keys: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return measurement(test, keys, input=changes.pop("input", None), test_version=version, **changes)


def post(address: str, port: int, code: int = 411, failure: str | None = None, **changes: Any) -> dict[str, Any]:
    url = f"http://{address}/" if port == 80 else f"http://{address}:{port}/"
    return request(url, code, "", failure, address=f"{address}:{port}", **changes)


def telegram(**changes: Any) -> dict[str, Any]:
    places = [(a, p) for a in DC for p in (80, 443)]
    keys = {
        "queries": [query("web.telegram.org", ADDRESS)],
        "tcp_connect": [*(connect(a, p) for a, p in places), connect()],
        "tls_handshakes": [shake(name="web.telegram.org")],
        "requests": [request("https://web.telegram.org/"), *(post(a, p) for a, p in places)],
        "telegram_http_blocking": False, "telegram_tcp_blocking": False, "telegram_web_failure": None,
        "telegram_web_status": "ok", **changes,
    }
    return of("telegram", "0.3.1", keys)


def whatsapp(*, tried: int = 16, asn: int = AWS, **changes: Any) -> dict[str, Any]:
    hosts = {f"e{n}.whatsapp.net": f"3.33.221.{n}" for n in range(1, tried + 1)}
    web = {"v.whatsapp.net": "3.33.252.1", "web.whatsapp.com": "3.33.252.2"}
    pages = ["https://v.whatsapp.net/v2/register", "https://web.whatsapp.com/"]
    keys = {
        "queries": [query(h, a, asn=asn) for h, a in (hosts | web).items()],
        "tcp_connect": [*(connect(a, p) for a in hosts.values() for p in (443, 5222)),
                        *(connect(a) for a in web.values())],
        "tls_handshakes": [shake(a, name=h) for h, a in web.items()],
        "requests": [request(u, address=f"{a}:443") for u, a in zip(pages, web.values(), strict=True)],
        "whatsapp_endpoints_status": "ok", "whatsapp_endpoints_blocked": [], "whatsapp_web_status": "ok",
        "registration_server_status": "ok", **changes,
    }
    return of("whatsapp", "0.11.0", keys)


def signal(version: str, failure: str | None, *, day: str = "2026-08-01", engine: str = "3.28.0",
           host: str = "chat.signal.org") -> dict[str, Any]:
    keys = {"queries": [query(host, ADDRESS)], "tcp_connect": [connect()],
            "tls_handshakes": [shake(name=host, failure=failure)],
            "requests": [request(f"https://{host}/", failure=failure)],
            "signal_backend_status": "blocked" if failure else "ok", "signal_backend_failure": failure}
    return of("signal", version, keys, measurement_start_time=f"{day} 05:10:00",
              annotations={"engine_name": "ooniprobe-engine", "engine_version": engine})


def messenger(asn: int, failing: str = "") -> dict[str, Any]:
    hosts = {h: f"157.240.1.{n}" for n, h in enumerate(FACEBOOK.values(), start=1)}
    keys: dict[str, Any] = {
        "queries": [query(h, a, asn=asn) for h, a in hosts.items()],
        "tcp_connect": [connect(a, failure=TIMEOUT if h == failing else None) for h, a in hosts.items()
                        if h != "stun.fbsbx.com"],
        "facebook_dns_blocking": asn != 32934, "facebook_tcp_blocking": bool(failing)}
    for key, host in FACEBOOK.items():
        keys[f"facebook_{key}_dns_consistent"] = asn == 32934
        keys[f"facebook_{key}_reachable"] = None if key == "stun" else host != failing
    return of("facebook_messenger", "0.2.1", keys)


def sni(failure: str | None, control: str | None = "ssl_invalid_hostname") -> dict[str, Any]:
    """The server under the name that is tested, and an innocent one; a wrong name shows that it answered."""
    def part(name: str, word: str | None) -> dict[str, Any]:
        return {"sni": name, "failure": word, "tls_handshakes": [shake(name=name, failure=word)],
                "th_address": f"{ADDRESS}:443", "queries": [], "tcp_connect": [connect()]}

    keys = {"control": part("example.org", control), "target": part("blocked.example", failure),
            "result": "interference.reset" if failure == RESET else "success.got_server_hello"}
    return of("sniblocking", "0.3.0", keys, input="blocked.example")
