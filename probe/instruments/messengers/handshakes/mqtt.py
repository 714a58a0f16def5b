"""MQTT within TLS: CONNECT and CONNACK (MQTT 3.1.1, sections 3.1 and 3.2)."""

from __future__ import annotations

from probe.core.tables.handshakes import ANSWERED, FOREIGN, REFUSED, Proof
from probe.core.tables.words import Empty
from probe.instruments.messengers.speech import INCOMPLETE, Speech, SpeechContext, Turn, judge_beginning

_KEEP_ALIVE_S = 60


def mqtt_connect(asked: SpeechContext) -> bytes:
    """CONNECT with a clean session and a random client id; no name, no password."""
    client = asked.random.hex().encode()
    variable = b"\0\4MQTT\4\2" + _KEEP_ALIVE_S.to_bytes(2, "big")
    payload = len(client).to_bytes(2, "big") + client
    return b"\x10" + bytes([len(variable) + len(payload)]) + variable + payload


def hear_mqtt(data: bytes, asked: SpeechContext) -> Proof | Empty:
    """CONNACK: one flag, and a return code of 0 to 5, of which only the first accepts."""
    if judge_beginning(data, b"\x20\x02") or (len(data) > 2 and data[2] > 1) or (len(data) > 3 and data[3] > 5):
        return FOREIGN
    if len(data) < 4:
        return INCOMPLETE
    return (REFUSED if data[3] else ANSWERED) if len(data) == 4 else FOREIGN


FORMS = (Speech(turns=(Turn(say=mqtt_connect, hear=hear_mqtt),), random_bytes=8, max_bytes=64),)
