"""Session's seed nodes: JSON-RPC 2.0, as its clients ask when they start."""

from __future__ import annotations

import json
from dataclasses import replace

from probe.core.tables.handshakes import ANSWERED, FOREIGN, REFUSED, Proof
from probe.core.tables.words import Empty
from probe.instruments.messengers.app_http import HttpAnswer, choose_request_target, make_request
from probe.instruments.messengers.http_speech import JSON, parse_json, speak_http
from probe.instruments.messengers.speech import INCOMPLETE, SpeechContext
from probe.instruments.streams.expectation_check import find_mismatch

_ID_BYTES = 8


def session_request(asked: SpeechContext) -> bytes:
    """JSON-RPC: one of the network's nodes, as Session's clients ask for twenty when they start; `random` is the id."""
    host, target = choose_request_target(asked)
    words = {"jsonrpc": "2.0", "id": asked.random[:_ID_BYTES].hex(), "method": "get_n_service_nodes",
             "params": {"active_only": True, "limit": 1, "fields": {"public_ip": True, "storage_port": True}}}
    return make_request("POST", host, target, JSON, json.dumps(words).encode())


def hear_session(answer: HttpAnswer, asked: SpeechContext) -> Proof | Empty:
    """Our id comes back with a result; with an error it is a refusal. Whoever speaks JSON-RPC would repeat the id, so
    that proves nothing."""
    document = parse_json(answer.body)
    if document is None:
        return INCOMPLETE
    if not isinstance(document, dict) or len(asked.random) < _ID_BYTES or (
            document.get("id") != asked.random[:_ID_BYTES].hex()):
        return FOREIGN
    if isinstance(document.get("error"), dict):
        return REFUSED
    met = answer.status == 200 and "result" in document and not find_mismatch(replace(asked.expect, reply=""),
                                                                              answer.exchange())
    return ANSWERED if met else FOREIGN


FORMS = (speak_http(session_request, hear_session, random_bytes=_ID_BYTES),)
