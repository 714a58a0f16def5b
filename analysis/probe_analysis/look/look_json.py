"""What is known and said of one service in one country, for programs, and its citation. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any

from probe import __version__
from probe.core.stamps import format_time
from probe.judge.rules_version import RULES_VERSION
from probe_analysis.look.beside_values import LookBeside
from probe_analysis.look.look_sentences import make_claims, make_sentences
from probe_analysis.look.look_values import LookData

Row = dict[str, Any]


def look_to_json(data: LookData) -> Row:
    """The whole answer; the sources are those that `release_source` gave."""
    evidence = _evidence(data)
    sha256 = _hash(evidence)
    return {
        **evidence, "sentences": [_plain(one) for one in make_sentences(data)],
        "printable": [_plain(one) for one in make_claims(data)],
        "citation": {"text": _cite(data, sha256), "sha256": sha256, "of": "this answer without asked, "
                     "sentences, printable and citation, as JSON with sorted keys and without blanks"},
    }


def digest(data: LookData) -> str:
    """SHA-256 of the evidence: the answer without its sentences, and without the time at which it was asked."""
    return _hash(_evidence(data))


def cite(data: LookData) -> str:
    """How to cite what the page says."""
    return _cite(data, digest(data))


def _hash(evidence: Row) -> str:
    kept = {name: value for name, value in evidence.items() if name != "asked"}  # the same data give the same digest
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _cite(data: LookData, sha256: str) -> str:
    lab = "laboratory data, " if data.lab else ""
    return (f"probe look {data.subject.service} {data.subject.cc}, {lab}version {__version__}, rules {RULES_VERSION}, "
            f"made {format_time(data.now)}, evidence SHA-256 {sha256}")


def _evidence(data: LookData) -> Row:
    return {
        "service": data.subject.service, "title": data.subject.title, "cc": data.subject.cc,
        "asked": format_time(data.now), "since": format_time(data.since) if data.since else None,
        "lab": data.lab, "version": __version__, "rules": RULES_VERSION, "sources": _plain(data.sources),
        "beside": _list_beside(data.beside),
    }


def _list_beside(beside: LookBeside) -> Row:
    """What plug-ins read stands in one table with the rest."""
    kept: Row = _plain(beside)
    return {name: value for part in kept.pop("parts") for name, value in part.items()} | kept


def _plain(value: object) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, datetime):
        return format_time(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value
