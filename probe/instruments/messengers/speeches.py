"""Which speech a protocol's name stands for."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from probe.core.tables.handshakes import INNOCENT_HTTP, SpokenProtocol
from probe.instruments.messengers import (
    greetings,
    mmtls,
    mtproto,
    noise,
    posts,
    text_protocols,
    within_tls,
    within_websocket,
)
from probe.instruments.messengers.speech import Speech

SPEECHES: Mapping[SpokenProtocol, tuple[Speech, ...]] = MappingProxyType({
    "mtproto": (mtproto.ABRIDGED, mtproto.INTERMEDIATE),
    "wa_noise": (noise.SPEECH,),
    "mmtls": (mmtls.SPEECH,),
    "viber": (greetings.VIBER,),
    "threema": (greetings.THREEMA,),
    "xmpp_starttls": (text_protocols.XMPP_STARTTLS,),
    "xmpps": (text_protocols.XMPPS,),
    "imap": (text_protocols.IMAP,),
    "imap_starttls": (text_protocols.IMAP_STARTTLS,),
    "smtp": (text_protocols.SMTP,),
    "smtp_starttls": (text_protocols.SMTP_STARTTLS,),
    "loco": (within_tls.LOCO,),
    "max_tcp": (within_tls.MAX,),
    "mqtt": (within_tls.MQTT,),
    "smp": (within_tls.SMP,),
    "mtproto_http": (posts.MTPROTO,),
    "mmtls_http": (posts.MMTLS,),
    "wechat_newgetdns": (posts.NEWGETDNS,),
    "http_post": (posts.EMPTY_POST,),
    "session_seed": (posts.SESSION,),
    "websocket": (within_websocket.GREETED,),
    "mtproto_ws": (within_websocket.MTPROTO,),
    "wa_noise_ws": (within_websocket.WA_NOISE,),
    "max_ws": (within_websocket.MAX,),
    "xmpp_ws": (within_websocket.XMPP,),
    INNOCENT_HTTP: (greetings.INNOCENT_HTTP,),
})
"""Protocol -> its forms."""


def choose_speech(protocol: SpokenProtocol, attempt: int = 1) -> Speech:
    """The form for an attempt: where there are several they take turns, so that one form's fault is no block."""
    forms = SPEECHES[protocol]
    return forms[(attempt - 1) % len(forms)]
