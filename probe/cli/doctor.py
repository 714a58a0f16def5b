"""`probe doctor`: is this installation in order, and what can it convict?"""

from __future__ import annotations

import json
import sys

import click

from probe.config.settings import Settings, SettingsError, load_settings
from probe.core.tables.systems import LINUX, UNACKNOWLEDGED
from probe.inference.rules.all_rules import list_convictable
from probe.inference.rules.rule import NEEDS
from probe.operation.status.installation_checks import (
    Check,
    check_capture,
    check_catalogue,
    check_consent,
    check_feeds,
    check_fingerprints,
    check_http_library,
    check_interpreter,
    check_libraries,
    check_links,
    check_place,
    check_resolver,
    check_results,
    check_system,
    check_tunnel,
    list_means,
)


@click.command()
@click.option("--config", type=click.Path(dir_okay=False), help="Configuration file.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def doctor(config: str | None, as_json: bool) -> None:
    """Check this installation without sending a packet, and say which block types it can convict.

    Exit status 1 where a run would be refused, or would say nothing.

    \b
    Examples:
      probe doctor
      probe doctor --config /etc/probe/probe.toml --json
    """
    findings: list[Check] = []
    settings = Settings()
    try:
        settings = load_settings(config)
        findings.append(("configuration", True, settings.path or "defaults; no configuration file was found"))
    except SettingsError as error:
        findings.append(("configuration", False, str(error)))
    feeds, board = check_feeds(settings)
    findings += [check_catalogue(settings), *feeds, check_fingerprints(settings), check_place(settings),
                 check_results(settings), check_consent(settings), check_links(), check_tunnel(settings),
                 check_resolver(), check_http_library(), check_libraries(), check_capture(), check_interpreter(),
                 *check_system()]
    means = list_means(settings, board)
    able = list_convictable(means)
    if not LINUX:
        able = {block: can and not block.startswith(UNACKNOWLEDGED) for block, can in able.items()}
    if as_json:
        click.echo(json.dumps({
            "findings": [{"what": w, "ok": ok, "text": t} for w, ok, t in findings], "means": sorted(means),
            "convictable": able,
        }))
    else:
        _tell(findings, means, able)
    if not all(ok for _, ok, _ in findings):
        sys.exit(1)


_CONTROLS = ("helper", "twin", "two_helpers")
_REMEDIES = {need: " (add [[helper]] or [[feed]] tables to the configuration)" for need in _CONTROLS} | {
    "agreed": " (add a [[matrix_server]] table to the configuration)", "packets": " (see packets above)"}


def _tell(findings: list[Check], means: frozenset[str], able: dict[str, bool]) -> None:
    for what, ok, text in findings:
        click.echo(f"{'ok ' if ok else 'BAD'}  {what}: {text}")
    missing = [need for need in NEEDS if need not in means]
    yes, no = ([b for b, can in able.items() if can is word] for word in (True, False))
    click.echo(f"This installation can convict: {', '.join(yes)}")
    if no:
        click.echo(f"It cannot convict: {', '.join(no)}")
    for need in missing:
        click.echo(f"  missing: {NEEDS[need]}{_REMEDIES.get(need, '')}")
