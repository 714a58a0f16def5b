"""All commands of the project: what each does in a line, and who brings it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from probe.core.plugins import Part

CommandGroup = Literal["measure", "read", "share", "keep", "more"]
GROUPS: Mapping[CommandGroup, str] = {
    "measure": "Measure", "read": "Read", "share": "Share", "keep": "Keep in order", "more": "More",
}
"""The headings of `probe --help`."""
PARTS: Mapping[Part, str] = {
    "analysis": "for researchers", "operate": "for operators", "lab": "the laboratory",
}
"""Whom the commands of each part are for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandEntry:
    """One command."""

    help: str
    group: CommandGroup = "more"
    part: Part | Literal["probe"] = "probe"
    """The distribution that brings it; of others than ours, an entry point of `probe.commands` says where it is."""


COMMANDS: Mapping[str, CommandEntry] = {
    "setup": CommandEntry(help="Say what runs do and risk, ask for consent, write settings.", group="measure"),
    "run": CommandEntry(help="Measure now and write the results.", group="measure"),
    "watch": CommandEntry(help="Measure on a schedule until stopped.", group="measure"),
    "install": CommandEntry(help="Measure by cron or systemd from now on.", group="measure"),
    "uninstall": CommandEntry(help="Stop measuring by cron or systemd; results stay.", group="measure"),
    "status": CommandEntry(help="Say how the runs go, and what to do about what is wrong.", group="measure"),
    "doctor": CommandEntry(help="Check this installation, and say which blocks it can name.", group="measure"),
    "show": CommandEntry(help="Show a run, a messenger or a verdict, with its history.", group="read"),
    "explain": CommandEntry(help="Say what a block type means and how it is told apart.", group="read"),
    "upload": CommandEntry(help="Send results to the place that you named, and to no other.", group="share"),
    "targets": CommandEntry(help="Show and check the list of targets.", group="keep"),
    "update": CommandEntry(help="Fetch a signed list of targets, verify and keep it; or make one.", group="keep"),
    "compact": CommandEntry(help="Merge results of finished days; remove what is past its time.", group="keep"),
    "verify": CommandEntry(help="Tell whether results are what was signed; mend what is damaged.", group="keep"),
    "forget": CommandEntry(help="Delete everything that the probe keeps on this machine.", group="keep"),
    "completion": CommandEntry(help="Print what lets a shell complete these commands."),
    "analyse": CommandEntry(help="Count verdicts by network and hour, and find events.", part="analysis"),
    "export": CommandEntry(help="Write one file from the results, also one fit to be published.", part="analysis"),
    "evidence": CommandEntry(help="Write the captured packets that a verdict rests on.", part="analysis"),
    "classify": CommandEntry(help="Judge stored observations again with today's rules.", part="analysis"),
    "report": CommandEntry(help="Make a page from results.", part="analysis"),
    "look": CommandEntry(help="Say what is known of one service in one country, as one page.", part="analysis"),
    "site": CommandEntry(help="Make a public site of what was found.", part="analysis"),
    "alert": CommandEntry(help="Send what is new to a webhook, by e-mail, Telegram or Matrix.", part="analysis"),
    "import": CommandEntry(help="Judge measurements of others: OONI's files.", part="analysis"),
    "submit": CommandEntry(help="Make measurements public for ever, by a collector you named.", part="analysis"),
    "compare": CommandEntry(help="Hold our verdicts on them against their own.", part="analysis"),
    "correct": CommandEntry(help="Say that an event was wrong, or print a reply to it.", part="analysis"),
    "labels": CommandEntry(help="Score stored probabilities by what others stated.", part="analysis"),
    "fleet": CommandEntry(help="Say how a fleet of volunteers does: who is silent, what they run.", part="analysis"),
    "example": CommandEntry(help="Copy example data, made in the laboratory, to try the commands on.", part="analysis"),
    "registers": CommandEntry(help="Compare targets with legal block lists.", part="analysis"),
    "stores": CommandEntry(help="Ask application stores what they offer in which countries.", part="analysis"),
    "operate": CommandEntry(help="Set up and run the services of a fleet of volunteers.", part="operate"),
    "helper": CommandEntry(help="Serve as a control for other probes.", part="operate"),
    "feed": CommandEntry(
        help="Publish what answers at an uncensored place, signed, as a control for probes.", part="operate"),
    "collect": CommandEntry(help="Check and merge the results of many volunteers.", part="operate"),
    "issuer": CommandEntry(help="Let volunteers prove without a name that they are not new.", part="operate"),
    "demo": CommandEntry(help="Replay WeChat in Russia, May 2017, in the laboratory.", part="lab"),
    "lab": CommandEntry(help="Run programs, and score the probe, in a closed internet of known censors.", part="lab"),
}
"""Name -> the command, in the order of `probe --help`."""
