"""`probe targets`: what would be measured, and what is known of each service; the check of a file is looked up."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

import click

from probe.core.counted_words import choose_word, count_things
from probe.core.plugins import TARGETS_COMMANDS
from probe.upkeep.commands.plugin_group import PluginGroup

if TYPE_CHECKING:
    from probe.catalogue.types import Catalogue, Service
    from probe.core.endpoints import Endpoint
    from probe.upkeep.updates.catalogue_choice import CatalogueChoice

_F = TypeVar("_F", bound=Callable[..., None])
FILTERS = ("service", "role", "tier", "protocol", "status")
FORMATS = ("table", "json", "citizenlab")


class _TargetsGroup(PluginGroup):
    """The commands of volunteers, and that of people who write lists."""

    brought_by = TARGETS_COMMANDS
    brought = ("check",)


@click.group(cls=_TargetsGroup)
def targets() -> None:
    """Show and check the list of targets."""


def _filters(command: _F) -> _F:
    for name in reversed(FILTERS):
        help_text = f"Only this {name}; may be given several times."
        command = click.option(f"--{name}", multiple=True, help=help_text)(command)
    return command


@targets.command("list")
@click.option("--file", "path", metavar="FILE", help="A catalogue or a list of one's own.")
@_filters
@click.option("--measured", is_flag=True, help="Only what the probe can measure today.")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON array instead of a table.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True,
              help="citizenlab: web pages in the shape of the Citizen Lab's test lists.")
def list_targets(path: str | None, measured: bool, as_json: bool, form: str, **wanted: tuple[str, ...]) -> None:
    """List the endpoints, one a line. Services may be named as OONI's tests are: facebook_messenger.

    \b
    Examples:
      probe targets list --service telegram --measured
      probe targets list --file descriptor.json
      probe targets list --role web --format citizenlab > web.csv
    """
    from probe.catalogue.proof_strength import describe_coverage, explain_unmeasured
    from probe.catalogue.run_descriptor import MESSENGERS
    from probe.config.consent.setup_answers import parse_services
    from probe.config.settings import SettingsError

    wanted["service"] = tuple(MESSENGERS.get(name, name) for name in wanted["service"])

    choice = _choose(path)
    catalogue = choice.catalogue
    try:
        parse_services(wanted["service"], {e.service for e in catalogue.endpoints} | catalogue.services.keys())
    except SettingsError as error:
        raise click.UsageError(str(error)) from error
    chosen = [e for e in catalogue.endpoints if _matches(e, wanted)]
    if measured:
        chosen = [e for e in chosen if not explain_unmeasured(e)]
    if as_json or form == "json":
        click.echo(json.dumps([asdict(e) for e in chosen], ensure_ascii=False))
        return
    if form == "citizenlab":
        _echo_test_list(chosen)
        return
    _table(("target", "tier", "status", "measured", "endpoint"), [
        (e.target_id, str(e.tier), e.status, "no" if explain_unmeasured(e) else "yes", e.input) for e in chosen
    ])
    click.echo(_summary(catalogue, chosen))
    click.echo(describe_coverage(chosen))
    for line in _of_the_list(choice):
        click.echo(line)


@targets.command("services")
@click.option("--file", "path", metavar="FILE", help="A catalogue or a list of one's own.")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON array instead of a table.")
def list_services(path: str | None, as_json: bool) -> None:
    """List the services: roles, targets, and where an operator itself refuses service."""
    catalogue = _load(path)
    found: dict[str, list[Endpoint]] = {}
    for endpoint in catalogue.endpoints:
        found.setdefault(endpoint.service, []).append(endpoint)
    if as_json:
        described = [_service_json(name, catalogue.services.get(name), rows) for name, rows in found.items()]
        click.echo(json.dumps(described, ensure_ascii=False, default=str))
        return
    _table(("service", "title", "roles", "targets", "endpoints", "remark"), [
        _service_row(name, catalogue.services.get(name), rows) for name, rows in found.items()
    ])


def _echo_test_list(chosen: list[Endpoint]) -> None:
    from probe.catalogue.list_writer import write_test_list

    text, left_out = write_test_list(chosen, today=datetime.now(UTC).date(), source="reachability-probe")
    click.echo(text, nl=False)
    if left_out:
        click.echo(f"{count_things(left_out, 'endpoint')} {choose_word(left_out, 'is', 'are')} no pages that a test "
                   f"list can name, and were left out.", err=True)


def _load(path: str | None) -> Catalogue:
    return _choose(path).catalogue


def _choose(path: str | None) -> CatalogueChoice:
    """The file that is named, else what a run by the usual configuration would use."""
    from probe.catalogue.types import CatalogueError
    from probe.upkeep.commands.command_setup import load_command_settings
    from probe.upkeep.commands.target_list import choose_run_catalogue

    try:
        return choose_run_catalogue(load_command_settings(None), path, datetime.now(UTC))
    except CatalogueError as error:
        click.echo(str(error), err=True)
        click.echo("Correct the lines above, then try `probe targets check` again.", err=True)
        raise SystemExit(1) from None


def _matches(endpoint: Endpoint, wanted: Mapping[str, tuple[str, ...]]) -> bool:
    return all(not words or str(getattr(endpoint, name)) in words for name, words in wanted.items())


def _summary(catalogue: Catalogue, chosen: list[Endpoint]) -> str:
    services, targets_ = {e.service for e in chosen}, {e.target_id for e in chosen}
    roles = ", ".join(f"{role} {n}" for role, n in Counter(e.role for e in chosen).most_common())
    counts = (f"{count_things(len(chosen), 'endpoint')} of {count_things(len(targets_), 'target')} of "
              f"{count_things(len(services), 'service')}")
    return f"{counts}{f' ({roles})' if roles else ''}; {catalogue.path}, version {catalogue.version}."


def _of_the_list(choice: CatalogueChoice) -> Iterator[str]:
    """Where the signed list comes from, and how it stands with it; nothing where there is none."""
    from probe.core.visible_text import visible

    here = choice.standing
    if here.listed:
        came = f" from {visible(here.source)}" if here.source else ""
        yield (f"The {here.listed.document.name}{came}, signed by the key {here.listed.trust.names}, is "
               f"{count_things(here.age_days, 'day')} old; it asks for {visible(here.limits.words) or 'nothing'} here.")
    if here.trouble:
        yield (f"Of signed lists of targets: {visible(here.trouble)}. Runs measure the core alone, at level 1. To do: "
               "probe update")


def _service_json(name: str, service: Service | None, rows: list[Endpoint]) -> dict[str, object]:
    known: dict[str, object] = {} if service is None else asdict(service)
    return {"service": name, **known, "targets": len({e.target_id for e in rows}), "endpoints": len(rows),
            "roles": dict(Counter(e.role for e in rows))}


def _service_row(name: str, service: Service | None, rows: list[Endpoint]) -> tuple[str, ...]:
    remark = ""
    if service is not None and service.closed is not None:
        remark = f"closed {service.closed}"
    elif service is not None and service.self_block:
        remark = f"refuses {service.self_block}"
    roles = " ".join(dict.fromkeys(e.role for e in rows))
    title = service.title if service is not None else "no table in services.toml"
    return name, title, roles, str(len({e.target_id for e in rows})), str(len(rows)), remark


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    lines = [header, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
