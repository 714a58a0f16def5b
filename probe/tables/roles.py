"""What a target does for its service: the words of the column `role`."""

from __future__ import annotations

ROLES: dict[str, str] = {
    "chat": "carries the messages themselves",
    "api": "answers the application's requests: configuration, directory, account data",
    "web": "the web client, the home page, short links",
    "media": "pictures, files, stickers and other large content",
    "call": "voice and video: relays, signalling, STUN and TURN",
    "push": "wakes the application when a message waits",
    "register": "sign-up and login",
    "store": "the application's entry in an application store",
    "download": "installers, updates, and lists that are fetched as files",
    "control": "no part of a service: tells what the network does to innocent traffic",
}
"""A service has one verdict for each of its roles; `control` has none."""
