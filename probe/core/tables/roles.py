"""What a target does for its service: the words of the column `role`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

Role = Literal["chat", "api", "web", "media", "call", "push", "register", "store", "download", "control"]

ROLES: dict[Role, str] = {
    "chat": "carries the messages themselves",
    "api": "answers the application's requests: configuration, directory, account data",
    "web": "the web client, the home page, short links",
    "media": "pictures, files, stickers and other large content",
    "call": "voice and video: relays, signalling, STUN and TURN",
    "push": "wakes the application when a message waits",
    "register": "sign-up",
    "store": "the application's entry in an application store",
    "download": "installers, updates, and lists that are fetched as files",
    "control": "no part of a service: tells what the network does to innocent traffic",
}
"""A service has one verdict for each of its roles."""

ENOUGH_BYTES: Mapping[Role, int] = MappingProxyType({"media": 16_000, "download": 16_000})
"""Bytes on one connection, TLS included, below which a role was not seen to be of use: those of a small picture. What
boxes let pass of a service before they slow it to nothing is less."""

SHORT: dict[Role, str] = {"call": "calls", "register": "sign-up", "download": "downloads"}
"""What a role is called in a sentence, where its own word does not do."""

ACCOUNT_PARTS: dict[str, str] = {
    "calls": "calls",
    "group_calls": "group calls",
    "call_media": "the media of calls",
    "chat_gateway": "the chat gateway",
}
"""What of some services answers only a client that is logged in (`needs_account` of `services.toml`), and what it is
called in a sentence. Nothing is measured of it: no verdict on the service's other roles speaks of it."""

ANY, ALL = "any", "all"
"""Quorums in words: any one of a role's targets is enough, or it takes all of them."""

