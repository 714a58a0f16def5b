"""Which server answers for a protocol: each has a module of its own, found by its name."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from probe.core.tables.handshakes import HANDSHAKES
from probe_lab.servers.app_kinds import AnswersBytes, AnswersGet, AnswersPost, Server, SpeaksInWebsocket, Talks


def _load_server(protocol: str) -> Server:
    server: Server = import_module(f"probe_lab.servers.messengers.{protocol}").SERVER
    return server


_SERVERS: Mapping[str, Server] = {protocol: _load_server(protocol) for protocol in HANDSHAKES}
ANSWERS = {name: server.answer for name, server in _SERVERS.items() if isinstance(server, AnswersBytes)}
DIALOGUES = {name: server.talk for name, server in _SERVERS.items() if isinstance(server, Talks)}
POSTS = {name: server.answer for name, server in _SERVERS.items() if isinstance(server, AnswersPost)}
GETS = {name: server.answer for name, server in _SERVERS.items() if isinstance(server, AnswersGet)}
SOCKETS = {name: server.speak for name, server in _SERVERS.items() if isinstance(server, SpeaksInWebsocket)}
