"""The answer for programs: the same words as in the tables, nothing that only a sentence would say. Pure."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from probe.upkeep.status.run_answer import RunAnswer, find_stop
from probe.upkeep.status.service_answer import ServiceAnswer


def encode_answer(answer: RunAnswer) -> dict[str, Any]:
    """What `--json` prints below `answer`."""
    cc, asn = answer.place
    return {
        "run_id": answer.run_id, "start": answer.start, "probe_cc": cc, "probe_asn": asn, "lab": answer.lab,
        "consent_level": answer.consent_level, "circumstances": list(answer.circumstances), "stop": find_stop(answer),
        "says_nothing": answer.says_nothing, "tested": answer.tested, "chosen": answer.chosen,
        "missing": asdict(answer.missing), "awaiting_controls": asdict(answer.awaiting),
        "counts": dict(answer.counts),
        "services": [encode_service(one) for one in answer.services], "steps": list(answer.steps),
    }


def encode_service(one: ServiceAnswer) -> dict[str, Any]:
    """One messenger."""
    return {"service": one.service, "title": one.title, "answer": one.answer, "retired": one.retired,
            "parts": [asdict(part) for part in one.parts]}
