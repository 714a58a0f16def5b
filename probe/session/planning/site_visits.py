"""The visits that a site can be paid: itself, an innocent name at its address, whose certificate port 443 shows."""

from __future__ import annotations

from probe.catalogue.sites import Page, Site
from probe.core.tables.address_sources import AddressSource
from probe.core.tables.evidence_words import Depth
from probe.core.tables.handshakes import INNOCENT_HTTP
from probe.core.tables.trust import UNJUDGED
from probe.core.tables.words import Empty
from probe.instruments.steps import Visit
from probe.session.planning.flow_suspects import CONSENT, READ_ON_BYTES
from probe.session.planning.plan_context import PlanContext

REST_BYTES = 32_768
"""Of a page that would keep small records from the connection."""


def make_target_visit(site: Site, address: str, source: AddressSource | Empty, context: PlanContext, *, attempt: int,
                      inputs: frozenset[str] | None = None, depth: Depth = "all") -> Visit:
    """The site itself at one address; `depth` all, tls or connect."""
    first = site.endpoints[0]
    return Visit(
        purpose="target" if source != "trusted" else "trusted", address=address, port=site.port, hostname=site.host,
        source=source, attempt=attempt, sni=site.sni if depth != "connect" else "", alpn=site.alpn, trust=site.trust,
        needs_alpn=site.kind == "tls" and bool(site.alpn),
        pages=site.pages(inputs) if depth == "all" else (),
        read_on_bytes=READ_ON_BYTES if site.sni and context.consent_level >= CONSENT and context.transfers else 0,
        rest_bytes=0 if context.together else REST_BYTES,
        app=site.app if depth == "all" else "", app_name=site.app_name, app_url=site.app_url, expect=first.expect,
        target_id=first.target_id, input=first.input, connect_timeout_s=context.timeout_s,
        tls_timeout_s=context.timeout_s, http_timeout_s=context.timeout_s + 2,
    )


def make_innocent_visit(site: Site, address: str, context: PlanContext, *, attempt: int = 1) -> Visit:
    """The same address, asked for a name that nobody blocks; it needs no more than to be answered.

    Beside words that HTTP carries in the clear the site's own name is asked for: what they fail for shall be what they
    are, and not whom they are for.
    """
    plain = site.kind == "app" and not site.sni
    pages = () if site.sni or plain else (Page(input="", target_id="", url=f"http://{context.innocent}/"),)
    return Visit(
        purpose="innocent", address=address, port=site.port, hostname=context.innocent, attempt=attempt,
        sni=context.innocent if site.sni else "", trust="none", until_server_hello=bool(site.sni), pages=pages,
        app=INNOCENT_HTTP if plain else "",
        app_name=(site.app_name if site.app_url else context.innocent) if plain else "",
        connect_timeout_s=context.timeout_s, tls_timeout_s=context.timeout_s, http_timeout_s=context.timeout_s,
    )


def make_bytes_visit(site: Site, address: str, context: PlanContext) -> Visit:
    """The same address and port, told something that is no TLS: are only hellos lost there? It needs no answer, for a
    server's TCP acknowledges whatever comes."""
    return Visit(
        purpose="bytes", address=address, port=site.port, hostname=context.innocent, app=INNOCENT_HTTP,
        app_name=context.innocent, connect_timeout_s=context.timeout_s, tls_timeout_s=context.timeout_s,
        http_timeout_s=context.timeout_s,
    )


def make_identity_visit(site: Site, address: str, source: AddressSource | Empty, context: PlanContext) -> Visit:
    """Whose certificate does port 443 of an address show for the site's name? It tells a false answer from another."""
    return Visit(
        purpose="port", address=address, port=443, hostname=site.host, source=source, sni=site.host,
        alpn=("http/1.1",), trust="web_pki" if site.trust in UNJUDGED else site.trust,
        connect_timeout_s=context.timeout_s, tls_timeout_s=context.timeout_s,
    )
