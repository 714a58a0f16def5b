"""`probe doctor`: is this installation in order, and which blocks can it name?"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence

import click
import msgspec

from probe.catalogue import readiness
from probe.config.consent.consent_language import describe_machine_made
from probe.config.settings import Settings, SettingsError, load_settings
from probe.core.tables.control_remedies import FIRST_CONTROL
from probe.core.tables.systems import LINUX, UNACKNOWLEDGED
from probe.core.translation import current_language, isolate, say
from probe.judge.common.rule import NEEDS
from probe.judge.path.all_rules import list_convictable
from probe.upkeep.commands.screen import echo_lines
from probe.upkeep.status.installation_checks import (
    ONE_CONTROL,
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
@click.option("--project", is_flag=True, help="Say what people still have to do before strangers are asked to measure.")
def doctor(config: str | None, as_json: bool, project: bool) -> None:
    """Check this installation without sending a packet, and say which block types its verdicts can name.

    The exit status is 1 if a run would refuse to start, or could say nothing; with --project, if a step is not done.

    \b
    Examples:
      probe doctor
      probe doctor --config /etc/probe/probe.toml --json
      probe doctor --project
    """
    if project:
        _tell_readiness(readiness.read_readiness(), as_json=as_json)
        sys.exit(readiness.is_on_trial())
    findings: list[Check] = []
    settings = Settings()
    try:
        settings = load_settings(config)
        findings.append(("configuration", True, settings.path or say("defaults; no configuration file was found")))
    except SettingsError as error:
        findings.append(("configuration", False, str(error)))
    feeds, board = check_feeds(settings)
    findings += [check_catalogue(settings), *feeds, check_fingerprints(settings), check_place(settings),
                 check_results(settings), check_consent(settings), check_links(), check_tunnel(settings),
                 check_resolver(), check_http_library(), check_libraries(), check_capture(), check_interpreter(),
                 *check_system()]
    means = list_means(settings, board)
    able = _list_able(means)
    with_control = [block for block, can in _list_able(means | ONE_CONTROL).items() if can and not able[block]]
    if as_json:
        click.echo(json.dumps({
            "findings": [{"what": w, "ok": ok is not False, "text": t} for w, ok, t in findings],
            "means": sorted(means), "convictable": able, "with_one_control": with_control,
        }))
    else:
        _tell(findings, means, able, with_control)
    if any(ok is False for _, ok, _ in findings):
        sys.exit(1)


def _tell_readiness(steps: Sequence[readiness.ReadinessStep], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"on_trial": readiness.is_on_trial(), "steps": msgspec.to_builtins(steps)}))
        return
    for step in steps:
        proof = " ".join(filter(None, (str(step.day or ""), step.by, step.proof)))
        echo_lines([f"{step.state}: {step.what}" + (f" ({proof})" if proof else "")])
    echo_lines([say("On trial: {n} of {all} steps are not done, and every public page says so.",
                    n=sum(step.state != "done" for step in steps), all=len(steps)) if readiness.is_on_trial() else
                say("Every step is done.")])


def _list_able(means: frozenset[str]) -> dict[str, bool]:
    able = list_convictable(means)
    return able if LINUX else {block: can and not block.startswith(UNACKNOWLEDGED) for block, can in able.items()}


_CONTROLS = (*ONE_CONTROL, "two_helpers")
_REMEDIES = {need: " ({command}; all ways: probe setup)" for need in _CONTROLS} | {
    "agreed": " (add a [[matrix_server]] table to the configuration)", "packets": " (see packets above)"}


def _tell(findings: list[Check], means: frozenset[str], able: dict[str, bool], with_control: list[str]) -> None:
    if machine := describe_machine_made(current_language()):
        echo_lines([machine])
    marks = {True: say("ok"), None: "-", False: say("BAD")}
    width = max(map(len, marks.values()))
    echo_lines(f"{isolate(marks[ok].ljust(width))}  {say(what)}: {text}" for what, ok, text in findings)
    echo_lines(_list_convictions(means, able, with_control))


def _list_convictions(means: frozenset[str], able: dict[str, bool], with_control: list[str]) -> Iterator[str]:
    """Which blocks can be named from here, which with more means, and what those are."""
    missing = [need for need in NEEDS if need not in means]
    yes, no = ([b for b, can in able.items() if can is word and b not in with_control] for word in (True, False))
    yield say("This installation can name {n} of {all} types of blocks (probe doctor --json lists them).",
              n=len(yes), all=len(able))
    if with_control:
        yield say("With measurements from elsewhere it could also name: {types}", types=", ".join(with_control))
        yield "  " + say("to do: {command} offers some, and says what each tells to whom. With feeds alone the second "
                         "run that meets a block names it.", command=FIRST_CONTROL)
    if no:
        yield say("It cannot name: {types}", types=", ".join(no))
    for need in missing:
        remedy = say(_REMEDIES[need], command=FIRST_CONTROL) if need in _REMEDIES else ""
        yield "  " + say("missing: {need}", need=say(NEEDS[need])) + remedy
