"""Evidence out of what DuckDB counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from probe.catalogue.owners import describe_service, may_refuse
from probe.core.addresses import NEAR, PROVIDER
from probe.core.tables.resolvers import find_operator
from probe.store.files.text_cells import decode
from probe.store.schema import Column, Kind
from probe_analysis.populations.comparison import PUBLIC
from probe_analysis.populations.population_evidence import CountryView, NetworkView, PopulationEvidence, Side

_PAIRS = Column(name="", kind=Kind.PAIRS, nullable=False, unit="", meaning="")
OWN = "own"
"""A resolver in the volunteer's own network, whose address is not kept."""


def make_evidence(stretch: Mapping[str, Any], networks: Iterable[Mapping[str, Any]],
                  abroad: Iterable[Mapping[str, Any]]) -> PopulationEvidence:
    """The evidence of one stretch; the rows are those of `Stretches`."""
    views = {row["asn"]: _network(row) for row in networks}
    return PopulationEvidence(
        own=views.pop(stretch["asn"]), peers=tuple(views.values()),
        abroad=tuple(CountryView(
            cc=row["cc"], struck_hours=row["struck_hours"], served_hours=row["served_hours"],
            served_instruments=_texts(row["served_instruments"])) for row in abroad),
        vantages=stretch["vantages"], others_alike=stretch["others_alike"],
        refuses=refuses_country(stretch["service"], stretch["cc"]), fresh=stretch["fresh"])


def name_resolver(address: str) -> str:
    """Who a resolver is: `own`, `public:NAME`, or its address."""
    if address in (NEAR, PROVIDER):
        return OWN
    operator = find_operator(address)
    return f"{PUBLIC}{operator}" if operator else address


def is_vantage_served(row: Mapping[str, Any]) -> bool:
    """Whether a control was served at one of the addresses that failed; a row of `probe_hours.VANTAGE`.

    Where it shook hands over TLS, that counts; else that it was connected.
    """
    asked = {row["address_low"], row["address_high"]}
    met = _pairs(row["tls"]) or _pairs(row["tcp"])
    return any(not failure and place.rpartition(":")[0].strip("[]") in asked for place, failure in met)


def _pairs(stored: object) -> list[tuple[str, str]]:
    """Pairs as CSV files or Parquet files have them; none where it is neither."""
    if isinstance(stored, str):
        try:
            return list(cast("tuple[tuple[str, str], ...]", decode(stored, _PAIRS)))
        except ValueError:
            return []
    return [(pair["key"], pair["value"]) for pair in cast("list[dict[str, str]]", stored or [])]


def _network(row: Mapping[str, Any]) -> NetworkView:
    struck, served, earlier = (_side(row, name) for name in ("struck", "served", "earlier"))
    return NetworkView(
        asn=row["asn"], struck=struck, served=served, earlier=earlier, struck_before=row["struck_before"],
        sick_hours=row["sick_hours"], alone_hours=row["alone_hours"], causes=row["causes"],
        proven=row["proven"], onset_h=row["onset"], settled_h=row["settled"])


def _side(row: Mapping[str, Any], name: str) -> Side:
    first, last = row[f"{name}_first_h"], row[f"{name}_last_h"]
    return Side(
        hours=row[f"{name}_hours"], probes=frozenset(row[f"{name}_probes"] or ()),
        access=_texts(row[f"{name}_access"]), instruments=_texts(row[f"{name}_instruments"]),
        addresses=_texts(row[f"{name}_addresses"]),
        resolvers=frozenset(map(name_resolver, _texts(row[f"{name}_resolvers"]))),
        first_h=-1 if first is None else first, last_h=-1 if last is None else last)


def _texts(values: Iterable[str | None] | None) -> frozenset[str]:
    return frozenset(value for value in values or () if value and value.strip())


def refuses_country(service: str, cc: str) -> bool:
    """Whether the operator may refuse the country."""
    return may_refuse(describe_service(service, "", (), {}), cc)
