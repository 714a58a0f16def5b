"""Every word stands in one table, and its type lists the same words in the same order."""

from __future__ import annotations

from collections.abc import Collection
from typing import get_args

import pytest

from probe.config.consent.setup_answers import NETWORK_TYPES
from probe.core.tables.address_sources import ADDRESS_SOURCES, AddressSource
from probe.core.tables.block_types import BLOCK_TYPES, BlockTypeId
from probe.core.tables.evidence_words import EvidenceLevel
from probe.core.tables.failures import (
    ERRNO_FAILURES,
    FAILURES,
    GAI_FAILURES,
    RCODE_FAILURES,
    TRUST_FAILURES,
    X509_TRUST,
    Failure,
    open_failure,
)
from probe.core.tables.handshakes import HANDSHAKES, PROOFS, Proof, ProtocolName
from probe.core.tables.operations import OPERATIONS, Operation
from probe.core.tables.outcomes import NOT_ATTEMPTED, OUTCOMES, Decided, Outcome
from probe.core.tables.protocols import DATAGRAMS, PROTOCOLS, DatagramKind, Layer, SiteKind, Transport
from probe.core.tables.purposes import PURPOSES, Purpose
from probe.core.tables.resolvers import ENCRYPTED, DnsEngine
from probe.core.tables.roles import ROLES, SHORT, Role
from probe.core.tables.run_words import NetworkType, Privilege
from probe.core.tables.shapes import SHAPES, ShapeName
from probe.core.tables.trust import TRUSTS, TrustFinding, TrustPolicy
from probe.core.tables.words import read_word


@pytest.mark.parametrize(("alias", "table"), [
    pytest.param(Decided, OUTCOMES, id="Decided"),
    pytest.param(Outcome, (*OUTCOMES, NOT_ATTEMPTED), id="Outcome"),
    pytest.param(Purpose, PURPOSES, id="Purpose"),
    pytest.param(Operation, OPERATIONS, id="Operation"),
    pytest.param(AddressSource, ADDRESS_SOURCES, id="AddressSource"),
    pytest.param(BlockTypeId, BLOCK_TYPES, id="BlockTypeId"),
    pytest.param(Failure, FAILURES, id="Failure"),
    pytest.param(Proof, PROOFS, id="Proof"),
    pytest.param(ProtocolName, PROTOCOLS, id="ProtocolName"),
    pytest.param(Role, ROLES, id="Role"),
    pytest.param(ShapeName, SHAPES, id="ShapeName"),
    pytest.param(TrustPolicy, TRUSTS, id="TrustPolicy"),
])
def test_a_type_lists_the_words_of_its_table(alias: object, table: Collection[str]) -> None:
    assert get_args(alias) == tuple(table)


@pytest.mark.parametrize(("alias", "used"), [
    pytest.param(Failure, (*ERRNO_FAILURES.values(), *GAI_FAILURES.values(), *RCODE_FAILURES.values(),
                           *TRUST_FAILURES.values()), id="failures of systems"),
    pytest.param(TrustFinding, ("valid", *TRUST_FAILURES), id="findings that have a failure"),
    pytest.param(TrustFinding, X509_TRUST.values(), id="findings of OpenSSL"),
    pytest.param(DnsEngine, ENCRYPTED, id="encrypted engines"),
    pytest.param(Role, SHORT, id="roles with a short name"),
    pytest.param(ProtocolName, HANDSHAKES, id="protocols whose first words are known"),
    pytest.param(DatagramKind, DATAGRAMS, id="protocols over UDP"),
    pytest.param(Transport, {p.transport for p in PROTOCOLS.values()}, id="transports"),
    pytest.param(Layer, {layer for p in PROTOCOLS.values() for layer in p.layers}, id="layers"),
    pytest.param(SiteKind, {"app" if p.says else p.name for p in PROTOCOLS.values() if p.built}, id="kinds of sites"),
    pytest.param(NetworkType, NETWORK_TYPES, id="kinds of networks"),
    pytest.param(EvidenceLevel, get_args(Privilege), id="levels of evidence"),
])
def test_what_others_say_is_a_word_of_the_type(alias: object, used: Collection[str]) -> None:
    assert set(used) <= set(get_args(alias))


def test_an_unknown_word_stays_as_it_is_and_equals_none() -> None:
    assert read_word("connect", OPERATIONS) == "connect"
    assert str(read_word("teleport", OPERATIONS)) == "teleport"
    assert open_failure("unknown_failure: of another's") not in FAILURES
