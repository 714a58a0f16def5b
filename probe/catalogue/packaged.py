"""The tables that stand beside the code: services, owners, controls, dated expectations, application stores."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import msgspec

from probe.catalogue.owner_types import Owner, Sanction
from probe.catalogue.types import CatalogueError, Control, DatedExpectation, MatrixServer, Problem, Service, Store

FOLDER = Path(__file__).parent
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """`controls.toml`: the control targets by target_id, and the innocent names."""

    controls: Mapping[str, Control]
    innocent_names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Users:
    """`users.toml`: services in the order of how many people use them, worldwide and by country."""

    worldwide: tuple[str, ...]
    countries: Mapping[str, tuple[str, ...]]


@cache
def load_users() -> Users:
    """`users.toml`; raises CatalogueError."""
    return _convert("users.toml", _read("users.toml"), Users)


@cache
def load_services() -> Mapping[str, Service]:
    """`load_services.toml` by service; raises CatalogueError."""
    tables = _read("services.toml")
    _refuse_unknown("services.toml", tables, Service)
    return MappingProxyType(_convert_each("services.toml", tables, Service))


@cache
def load_owners() -> Mapping[str, Owner]:
    """`owners.toml` by owner; raises CatalogueError."""
    return MappingProxyType(_convert_each("owners.toml", _read("owners.toml"), Owner))


@cache
def load_sanctions() -> tuple[Sanction, ...]:
    """`sanctions.toml` in its order; raises CatalogueError."""
    return _convert("sanctions.toml", _read("sanctions.toml").get("sanction", []), tuple[Sanction, ...])


def load_titles() -> Mapping[str, str]:
    """What people call each service; raises CatalogueError."""
    return {name: service.title for name, service in load_services().items()}


@cache
def load_account_needs() -> Mapping[str, tuple[str, ...]]:
    """What of each service cannot be measured without an account (`needs_account`); raises CatalogueError."""
    return MappingProxyType({name: service.needs_account for name, service in load_services().items()
                             if service.needs_account})


@cache
def load_controls() -> Controls:
    """`load_controls.toml`; raises CatalogueError."""
    tables = _read("controls.toml")
    names = _convert("controls.toml", tables.pop("innocent_names", []), tuple[str, ...])
    _refuse_unknown("controls.toml", tables, Control)
    return Controls(
        controls=MappingProxyType(_convert_each("controls.toml", tables, Control)), innocent_names=names
    )


@cache
def load_expectations() -> tuple[DatedExpectation, ...]:
    """`load_expectations.toml` in its order; raises CatalogueError."""
    tables = _read("expectations.toml").get("expectation", [])
    return _convert("expectations.toml", tables, tuple[DatedExpectation, ...])


@cache
def load_matrix_servers() -> tuple[MatrixServer, ...]:
    """`load_matrix_servers.toml`: servers whose operators agreed to be asked for foreign names; raises
    CatalogueError."""
    tables = _read("matrix_servers.toml").get("matrix_server", [])
    return _convert("matrix_servers.toml", tables, tuple[MatrixServer, ...])


def load_stores() -> Mapping[str, Store]:
    """`load_stores.toml` by store; raises CatalogueError."""
    tables = _read("stores.toml")
    _refuse_unknown("stores.toml", tables, Store)
    return MappingProxyType(_convert_each("stores.toml", tables, Store))


def _read(name: str) -> dict[str, object]:
    try:
        return tomllib.loads((FOLDER / name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _error(name, str(error)) from None


def _convert(name: str, value: object, kind: type[_T], *, of: str = "") -> _T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise _error(name, f"{of}{error}") from None


def _convert_each(name: str, tables: Mapping[str, object], kind: type[_T]) -> dict[str, _T]:
    """The tables of a file by their names, which an error names too."""
    return {key: _convert(name, table, kind, of=f"[{key}]: ") for key, table in tables.items()}


def _refuse_unknown(name: str, tables: Mapping[str, object], kind: type[Service] | type[Control] | type[Store]) -> None:
    """A misspelt key would otherwise be a fact that nobody sees."""
    known = {field.name for field in fields(kind)}
    for key, table in tables.items():
        if unknown := set(table if isinstance(table, dict) else ()) - known:
            raise _error(name, f"{key}: unknown key {min(unknown)}")


def _error(name: str, reason: str) -> CatalogueError:
    return CatalogueError(str(FOLDER / name), (Problem(line=0, column="file", reason=reason),))
