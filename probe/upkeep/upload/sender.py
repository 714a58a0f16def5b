"""What every way of sending has in common."""

from __future__ import annotations

from typing import Protocol


class UploadError(Exception):
    """Something was not sent. The text is made of our own words: nothing that a server said is in it, and no key."""


class Sender(Protocol):
    """Puts files to one place."""

    def put(self, name: str, content: bytes, *, timeout_s: float) -> str:
        """Write a file under a name, over one that is there; returns what the place answered, in our own words.

        Raises UploadError, at the latest after `timeout_s`.
        """


FAILURE_WORDS = {
    "connect": "no connection", "interrupted": "no connection, or it was cut", "timeout": "no answer within the time",
    "tls": "the server's certificate is not in order, or the encrypted connection was cut",
    "garbage": "what answers there is no HTTP server", "too_large": "the answer is larger than any should be",
    "not_public": "its name is not known here, or leads into a private network",
    "proxy": "the proxy does not let it through, or is not there",
    "socks": "a SOCKS proxy needs PySocks: pip install PySocks",
    "ca_file": "a file of certificates (upload.ca_file) cannot be read, or the connection was cut",
}
"""Failures of `probe.controls.reaching.http_client`, as one reads them."""
STATUS_WORDS = {
    301: "points elsewhere, which is not followed", 302: "points elsewhere, which is not followed",
    307: "points elsewhere, which is not followed", 308: "points elsewhere, which is not followed",
    401: "wants other keys", 403: "does not let these keys write there, or finds the clock wrong",
    404: "knows no such folder",
    405: "takes no files there (PUT is not allowed)", 407: "wants other keys (the proxy)",
    409: "has no such folder and makes none", 413: "finds the file too large", 429: "asks for patience",
    507: "is full",
}


def make_refusal(status: int) -> UploadError:
    """An error for an answer that is no success."""
    word = STATUS_WORDS.get(status, "has a failure of its own" if status >= 500 else "does not take the file")
    return UploadError(f"the server {word} (HTTP status {status})")
