"""How the last attempt of a path ended: a predicate for each stage and each way to end.

Silence is told apart by TCP's acknowledgement: what is *dropped* the peer's TCP never acknowledged; what is *muted* it
did, or nobody can tell. Neither is silence that other transfers from the same address show as well.
"""

from __future__ import annotations

from probe.core.tables.failures import TIMEOUTS
from probe.judge.path.path_context import PathContext
from probe.judge.path.path_evidence import CONNECTION_RESET


def _reset(c: PathContext) -> bool:
    return c.path.failure == CONNECTION_RESET


def _closed(c: PathContext) -> bool:
    return c.path.failure == "eof_error"


def _silent(c: PathContext) -> bool:
    """Who sends slowly is not silent, though its time was up."""
    return c.path.failure in TIMEOUTS and not c.path.seeps


def _dropped(c: PathContext) -> bool:
    return _silent(c) and c.path.acked == "no" and not c.ladder.starves(c.path.address)


def _muted(c: PathContext) -> bool:
    return _silent(c) and c.path.acked != "no" and not c.ladder.starves(c.path.address)


# ---- TLS handshakes

def is_tls_reset(c: PathContext) -> bool:
    return c.path.stage == "tls" and _reset(c)


def is_tls_closed(c: PathContext) -> bool:
    return c.path.stage == "tls" and _closed(c)


def is_tls_alerted(c: PathContext) -> bool:
    return c.path.stage == "tls" and c.path.tls.alert >= 0 and c.path.failure.startswith("ssl_error")


def is_tls_silent(c: PathContext) -> bool:
    return c.path.stage == "tls" and _silent(c)


def is_tls_dropped(c: PathContext) -> bool:
    return c.path.stage == "tls" and _dropped(c)


def is_hello_dropped(c: PathContext) -> bool:
    """And its size is not shown to be the cause."""
    return is_tls_dropped(c) and not _passes_in_pieces(c)


def is_hello_muted(c: PathContext) -> bool:
    """Met with silence, and the size of what was said or of the answer is not shown to be the cause."""
    return c.path.stage == "tls" and _muted(c) and not _passes_in_pieces(c)


def _passes_in_pieces(c: PathContext) -> bool:
    """The same handshake is answered when its hello is cut and its answers are small: whether large packets do not
    pass, or something on the way reads single segments, is not shown."""
    return c.path.tls.shapes.narrow == "cut" and not c.path.tls.shapes.split_passed


# ---- requests

def is_http_reset(c: PathContext) -> bool:
    return c.path.stage == "http" and _reset(c)


def is_http_closed(c: PathContext) -> bool:
    return c.path.stage == "http" and _closed(c)


def is_http_silent(c: PathContext) -> bool:
    return c.path.stage == "http" and _silent(c)


def is_http_dropped(c: PathContext) -> bool:
    return c.path.stage == "http" and _dropped(c)


def is_http_muted(c: PathContext) -> bool:
    """Where no full segment arrives from anywhere, large answers are lost on the way, whoever asked for them."""
    return c.path.stage == "http" and _muted(c) and c.ladder.full_segments


# ---- a messenger's own first words

def is_app_reset(c: PathContext) -> bool:
    return c.path.stage == "app" and _reset(c)


def is_app_closed(c: PathContext) -> bool:
    return c.path.stage == "app" and _closed(c)


def is_app_dropped(c: PathContext) -> bool:
    return c.path.stage == "app" and _dropped(c)


def is_app_muted(c: PathContext) -> bool:
    return c.path.stage == "app" and _muted(c)
