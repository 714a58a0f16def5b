"""Documents that particular services are known to serve, byte for byte where clients compare bytes.

From the services' public documentation and from captures of their traffic: what a connectivity check answers,
what the app stores answer about an application, what WeChat's own name service and Apple's push bags look like.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from urllib.parse import parse_qs

from probe_lab.servers.shelves import Document, Query, app_store_lookup, json_document, play_details


def known_document(host: str, path: str, query: str) -> Document | None:
    """What this host is known to serve at this path, or None where nothing special is known."""
    for (wanted_host, wanted_path), make in _KNOWN.items():
        if wanted_path == path and (wanted_host in ("*", host) or host.endswith("." + wanted_host)):
            return make(host, parse_qs(query))
    return None


def _fixed(content_type: str, text: str) -> Callable[[str, Query], Document]:
    document = Document(content_type=content_type, body=text.encode())
    return lambda host, query: document


def _fixed_json(value: object) -> Callable[[str, Query], Document]:
    return lambda host, query: json_document(value)


_SUCCESS_PAGE = "<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>\n"

_EXAMPLE_PAGE = """<!doctype html>
<html lang="en"><head><title>Example Domain</title><meta name="viewport" content="width=device-width"></head>
<body><div><h1>Example Domain</h1>
<p>This domain is for use in documentation examples without needing permission.</p>
<p><a href="https://iana.org/domains/example">Learn more</a></p></div></body></html>
"""


def _plist(*pairs: tuple[str, str]) -> str:
    entries = "".join(f"<key>{key}</key>{value}" for key, value in pairs)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">\n'
        f'<plist version="1.0"><dict>{entries}</dict></plist>\n'
    )


_PUSH_BAG = _plist(
    ("APNSCourierHostname", "<string>courier.push.apple.com</string>"),
    ("APNSCourierHostcount", "<integer>50</integer>"),
    ("ClientConnectionRetryAttempts", "<integer>100</integer>"),
    ("APNSCourierStatus", "<true/>"),
)


def _bag(host: str, query: Query) -> Document:
    """A configuration bag: an outer dictionary that carries a signed inner one."""
    inner = "<data>PD94bWwgdmVyc2lvbj0iMS4wIj8+</data>"
    text = _plist(("signature", "<data>c2lnbmF0dXJl</data>"), ("certs", "<array/>"), ("bag", inner))
    return Document(content_type="application/xml", body=text.encode())


def _new_get_dns(host: str, query: Query) -> Document:
    """WeChat's name service: XML in raw deflate, without the zlib wrapper that HTTP's `deflate` means."""
    names = ("long.weixin.qq.com", "short.weixin.qq.com", "extshort.weixin.qq.com", "dns.weixin.qq.com")
    entries = "".join(
        f'<domain name="{name}" timeout="1860"><ip>43.130.30.{185 + index}</ip></domain>'
        for index, name in enumerate(names)
    )
    text = f"<dns><retcode>0</retcode><domainlist>{entries}</domainlist></dns>"
    packer = zlib.compressobj(wbits=-15)
    return Document(
        content_type="text/xml", body=packer.compress(text.encode()) + packer.flush(), encoding="deflate"
    )


_KNOWN: Mapping[tuple[str, str], Callable[[str, Query], Document]] = {
    ("captive.apple.com", "/hotspot-detect.html"): _fixed("text/html", _SUCCESS_PAGE),
    ("www.apple.com", "/library/test/success.html"): _fixed("text/html", _SUCCESS_PAGE),
    ("detectportal.firefox.com", "/success.txt"): _fixed("text/plain", "success\n"),
    ("www.msftconnecttest.com", "/connecttest.txt"): _fixed("text/plain", "Microsoft Connect Test"),
    ("www.msftncsi.com", "/ncsi.txt"): _fixed("text/plain", "Microsoft NCSI"),
    ("nmcheck.gnome.org", "/check_network_status.txt"): _fixed("text/plain", "NetworkManager is online\n"),
    ("example.com", "/"): _fixed("text/html", _EXAMPLE_PAGE),
    ("init-p01st.push.apple.com", "/bag"): _fixed("application/x-apple-plist", _PUSH_BAG),
    ("init.itunes.apple.com", "/bag.xml"): _bag,
    ("init.ess.apple.com", "/WebObjects/VCInit.woa/wa/getBag"): _bag,
    ("itunes.apple.com", "/lookup"): lambda host, query: app_store_lookup(query),
    ("play.google.com", "/store/apps/details"): lambda host, query: play_details(query),
    ("*", "/cgi-bin/micromsg-bin/newgetdns"): _new_get_dns,
    ("matrix.org", "/.well-known/matrix/client"): _fixed_json({
        "m.homeserver": {"base_url": "https://matrix-client.matrix.org"},
        "m.identity_server": {"base_url": "https://vector.im"},
    }),
    ("matrix.org", "/.well-known/matrix/server"): _fixed_json({"m.server": "matrix-federation.matrix.org:443"}),
    ("latency.discord.media", "/rtc"): _fixed_json([
        {"region": "rotterdam", "ips": ["66.22.196.11", "66.22.196.82"]},
        {"region": "singapore", "ips": ["66.22.220.13", "66.22.220.71"]},
    ]),
}
