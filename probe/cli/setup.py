"""`probe setup`: tells a person what a run does, asks, and writes down what was said."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import click

from probe.catalogue.laboratory_marker import read_marker
from probe.catalogue.load import load_catalogue
from probe.catalogue.types import CatalogueError
from probe.cli.setup_questions import NotAgreedError, ask, ask_chat, ask_level, say_nothing_written
from probe.config.consent import setup_answers as said
from probe.config.consent.consent_check import (
    describe_destinations,
    explain_lacking_consent,
    explain_lacking_submit_consent,
    explain_lacking_upload_consent,
)
from probe.config.consent.consent_language import (
    choose_consent_language,
    describe_machine_made,
    explain_unsigned_consent,
)
from probe.config.consent.consent_questions import QUESTIONS, TRIES, ConsentQuestion
from probe.config.consent.consent_text import WIDTH, write_consent_text, write_short_text
from probe.config.consent.control_ways import WAYS, WayWord, describe_ways, list_ways_in_use
from probe.config.consent.country_profiles import CountryProfile, needs_care, profile_of
from probe.config.consent.run_costs import count_days_kept, describe_costs
from probe.config.consent.setup_answers import Answers
from probe.config.geo.geo_status import describe_geo_settings, parse_geo_settings
from probe.config.geo.geo_table import NO_COUNTRY
from probe.config.geo.vantage_place import TablePlace
from probe.config.settings import Settings, SettingsError, find_usual_file, load_settings
from probe.config.settings_edit import AddedTables, Tables, edit_settings
from probe.core.tables.consent_words import TEXT_NUMBER
from probe.core.tables.control_remedies import FIRST_CONTROL
from probe.core.translation import current_language, say, say_count, speak
from probe.store.files.atomic import StoreError, try_writable, write_file
from probe.upkeep.commands.screen import echo_lines, find_columns, page_lines
from probe.upkeep.commands.target_list import describe_list_now
from probe.upkeep.commands.yes_or_no import ask_yes_or_no
from probe.upkeep.updates.feed_updates import check_named_feed

T = TypeVar("T")
DEFAULT_RESULTS = "~/probe-results"


@click.command()
@click.option("--config", type=click.Path(dir_okay=False), help="Configuration file to write (default: the one in use, "
              "else ~/.config/probe/probe.toml).")
@click.option("--answers", "file", type=click.Path(dir_okay=False, path_type=Path),
              help="TOML file with answers: agree, level, chat, country, asn, network_type, geo, results, tier, "
                   "skip_services, upload_to, encrypt_to, issuer, submit_to, feeds, helpers, globalping, ooni_helpers.")
@click.option("--from", "sheet", metavar="SHEET", help="An operator's sheet of settings: a file, or the link of its "
              "QR code. The command shows first what it sets. It can only set the operator's servers and keys.")
@click.option("--agree", type=int, metavar="NUMBER",
              help="I read the text of this number (--show), and everybody concerned agrees. Asks nothing then.")
@click.option("--level", type=click.IntRange(1, 3), help="Consent level: 1 everyday, 2 sensitive, 3 exposing.")
@click.option("--chat/--no-chat", default=None, help="At level 1 say the first words of four messengers' apps as well. "
              "The country decides whether this is usual, asked or impossible.")
@click.option("--country", metavar="CC", help="Country of your line, two letters; ZZ: results do not say it.")
@click.option("--asn", type=click.IntRange(0, 4_294_967_295), help="Number of your provider's network (AS); 0: results "
              "do not say it.")
@click.option("--network-type", type=click.Choice(tuple(said.NETWORK_TYPES)), help="How you reach the internet.")
@click.option("--geo", multiple=True, metavar="TABLE", help="File in which runs look up country and network, on this "
              "device: table (it comes with the program), none, or a file of your own (.mmdb); repeat for several.")
@click.option("--results", metavar="DIR", help=f"Folder for the results (default: {DEFAULT_RESULTS}).")
@click.option("--tier", type=click.IntRange(0, 3), help="Measure endpoints up to this tier; 1 is the core.")
@click.option("--skip-service", "skip", multiple=True, metavar="NAME", help="Never measure this service; repeat.")
@click.option("--upload-to", metavar="URL", help="Upload results to this place (see docs/upload.md); none: "
              "do not upload.")
@click.option("--encrypt-to", metavar="age1...", help="Encrypt uploads with this public key of age, so that "
              "whoever runs the server of --upload-to cannot read them; none: do not encrypt.")
@click.option("--submit-to", metavar="URL", help="A collector to which you may submit measurements by hand, which "
              "makes them public for ever (see probe submit ooni --help); none: no collector.")
@click.option("--feed", "feeds", type=(str, str), multiple=True, metavar="KEY URL",
              help="Add a signed control feed: its public key and its address (docs/feed.md); repeat.")
@click.option("--helper", "helpers", multiple=True, metavar="URL", help="Add a helper of people whom you trust; "
              "repeat.")
@click.option("--globalping/--no-globalping", default=None, help="Let runs ask Globalping about endpoints that fail. "
              "Globalping sees these endpoints and your address, and may keep both for months.")
@click.option("--ooni-helpers/--no-ooni-helpers", default=None, help="Let runs ask OONI's public helpers about "
              "endpoints that fail. OONI sees these endpoints and your address, and may keep both for months.")
@click.option("--show", is_flag=True, help="Print the consent text and its number, and do nothing else.")
def setup(config: str | None, file: Path | None, sheet: str | None, agree: int | None, level: int | None,
          chat: bool | None, country: str | None, asn: int | None, network_type: str | None, geo: tuple[str, ...],
          results: str | None, tier: int | None, skip: tuple[str, ...], upload_to: str | None, encrypt_to: str | None,
          submit_to: str | None, feeds: tuple[tuple[str, str], ...], helpers: tuple[str, ...], globalping: bool | None,
          ooni_helpers: bool | None, show: bool) -> None:
    """Say what runs do and what they risk, ask for consent, and write the configuration. Sends nothing.

    Needed once, and again when what is sent changes. Without --agree (or `agree` in a file) it asks.

    \b
    Examples:
      probe setup
      probe setup --show --country RU
      probe setup --agree 3 --country DE --results /srv/probe --skip-service line
      probe setup --geo country.mmdb --geo asn.mmdb
      probe setup --upload-to https://results.example.org/incoming
      probe setup --upload-to https://results.example.org/incoming --encrypt-to age1...
      probe setup --show --submit-to https://collector.example.org
      probe setup --feed RWQ... https://feed.example.org/de-1.json
      probe setup --answers answers.toml
      probe setup --from sheet.toml
    """
    flags = Answers(agree=agree, level=level, chat=chat, country=country, asn=asn, network_type=network_type,
                    geo=geo or None, results=results, tier=tier, skip_services=skip or None, upload_to=upload_to,
                    encrypt_to=encrypt_to, submit_to=submit_to, feeds=feeds or None, helpers=helpers or None,
                    globalping=globalping, ooni_helpers=ooni_helpers)
    try:
        target, text, before = _before(config)
        given = said.merge_answers(flags, said.read_answers(file)) if file else flags
        if sheet:
            asked = agree is None and file is None and not show
            given = said.add_answers(given, _take_sheet(sheet, before, ask=asked))
        named = _add_destinations(given, before)
        if show:
            _show(given, named)
            return
        known = tuple(load_catalogue(before.run.catalogue or None).services)
        if given.agree is None and file is None:
            given = _converse(given, before, known)
        elif why := explain_unsigned_consent(current_language()):
            raise NotAgreedError(why)
        if why := said.explain_no_consent(given):
            raise NotAgreedError(why)
        results = (given.results or "").strip() or _folder(before)
        given = said.merge_answers(Answers(results=results), given)
        changes = said.list_changes(given, before, known=known, today=datetime.now(UTC).date())
        added = said.list_added_controls(given, before)
        try_writable(Path(results).expanduser())
        write_file(target, _edit(text, changes, added, target).encode())
    except (SettingsError, CatalogueError, StoreError) as error:
        raise click.ClickException(str(error)) from error
    _tell(target)


def _take_sheet(source: str, before: Settings, *, ask: bool) -> Answers:
    """Show what a sheet sets, and take it where the person wants it. Raises SettingsError."""
    from probe.config.consent.operator_sheet import answer_by_sheet, describe_sheet, read_sheet

    sheet = read_sheet(source)
    answers = answer_by_sheet(sheet, before)
    echo_lines(describe_sheet(sheet))
    if ask and not ask_yes_or_no(say("Go on with it?")):
        raise NotAgreedError(say("Nothing was written."))
    return answers


def _before(config: str | None) -> tuple[Path, str, Settings]:
    """(file to write, its text, its settings); a file that is not there yet is an empty one."""
    named = config or os.environ.get("PROBE_CONFIG", "")
    if named and not Path(named).expanduser().exists():
        return Path(named).expanduser().absolute(), "", Settings()
    settings = load_settings(config)
    if not settings.path:
        return find_usual_file(), "", settings
    target = Path(settings.path).resolve()  # a link to it stays one
    if hasattr(os, "geteuid") and os.geteuid() == 0 and target.stat().st_uid:
        raise SettingsError(say("{target}: belongs to another user, who could not read it any more: set up as that "
                                "user", target=str(target)))
    return target, target.read_text(encoding="utf-8"), settings


def _edit(text: str, changes: Tables, added: AddedTables, target: Path) -> str:
    start = text or "# Written by `probe setup`; what you change by hand stays.\n"
    try:
        return edit_settings(start, changes, added)
    except SettingsError as error:
        raise SettingsError(f"{target}: {error}") from None


def _show(given: Answers, before: Settings) -> None:
    cc = said.parse_country(before.vantage.cc if given.country is None else given.country)
    unsigned = explain_unsigned_consent(current_language())
    if unsigned:
        echo_lines([unsigned])
    for line in write_consent_text(profile_of(cc), cc=cc, to=describe_destinations(before), upload=before.upload.place,
                                   public=before.submit.place, columns=find_columns() or WIDTH):
        click.echo(line)


def _folder(before: Settings) -> str:
    return DEFAULT_RESULTS if before.run.results == Settings().run.results else before.run.results


def _converse(given: Answers, before: Settings, known: Iterable[str]) -> Answers:
    """Ask what was not said. What is asked first decides which risk is told."""
    if machine := describe_machine_made(current_language()):
        echo_lines([machine])
    echo_lines([say("This sets up the probe. It sends nothing. Return keeps what stands in brackets."), ""])
    here = _find_place(before)
    if given.country is None and here.cc != NO_COUNTRY:
        echo_lines([say("Country of this line, by the table on this device: {cc} (another one: --country)",
                        cc=here.cc)])
        given = said.merge_answers(given, Answers(country=here.cc))
    asn = here.asn_ipv4 or here.asn_ipv6
    if given.asn is None and asn:
        echo_lines([say("Its network, by the same table: {network} (another one: --asn)", network=f"AS{asn}")])
        given = said.merge_answers(given, Answers(asn=asn))
    cc = given.country if given.country is not None else ask(
        say("Country of this line (two letters, ZZ: left open)"), before.vantage.cc, said.parse_country)
    cc = said.parse_country(cc)
    profile = profile_of(cc)
    given = _ask_controls(said.merge_answers(given, Answers(country=cc)), before, cc)
    _ask_consent(_add_destinations(given, before), profile, cc, level=given.level or profile.level)
    level = ask_level(given, before, profile)
    given = said.merge_answers(given, Answers(chat=ask_chat(given, profile, level)))
    asn = given.asn if given.asn is not None else ask(
        say("Number of your network (AS number, 0: left open)"), str(before.vantage.asn), _asn)
    kind = given.network_type or ask(say("Kind of network ({kinds})", kinds=", ".join(said.NETWORK_TYPES)),
                                      before.vantage.network_type, said.parse_network_type)
    geo = given.geo if given.geo is not None else ask(
        say("Look country and network up on this device (table: the one that comes along; none; or files, .mmdb)"),
        " ".join(describe_geo_settings(before.geo)),
        lambda text: describe_geo_settings(parse_geo_settings(text.split())))
    skip = given.skip_services if given.skip_services is not None else ask(
        say("Services to leave out (names with spaces between, - for none)"), " ".join(before.run.skip_services) or "-",
        lambda text: said.parse_services(() if text == "-" else [text], known))
    results = given.results or ask(say("Folder for the results"), _folder(before), str)
    return said.merge_answers(given,
                              Answers(agree=TEXT_NUMBER, level=level, country=cc, asn=asn, network_type=kind, geo=geo,
                                             skip_services=skip, results=results))


def _add_destinations(given: Answers, before: Settings) -> Settings:
    """The settings with every place that was named. Raises SettingsError for one that cannot be."""
    named = said.add_destinations(given, before)
    for feed in named.feed[len(before.feed):]:
        check_named_feed(feed)
    return named


def _ask_controls(given: Answers, before: Settings, cc: str) -> Answers:
    """Tell the ways to a control, and ask which are to be added, until no more are."""
    echo_lines(["", say("A failure here means little unless it works elsewhere. These may say so (controls):"),
                *describe_ways(cc)])
    given = _ask_public_controls(given, cc)
    there = list_ways_in_use(_add_destinations(given, before))
    echo_lines([say("Set up: {ways}", ways=", ".join(there) or say("none, so that many failures will stay undecided"))])
    while True:
        text = str(click.prompt(say("Add one (feed KEY URL, helper URL, globalping, ooni; - for no more)"),
                                default="-"))
        if text.strip() == "-":
            return given
        try:
            more = said.parse_control(text, given)
            _add_destinations(more, before)
            given = more
        except SettingsError as error:
            click.echo(f"  {error}")


def _ask_public_controls(given: Answers, cc: str) -> Answers:
    """Offer those that are there for everybody, by name, where the country's profile allows them."""
    if needs_care(cc):
        return given
    if given.ooni_helpers is None:
        given = said.merge_answers(given, Answers(ooni_helpers=_ask_way("ooni") or None))
    if given.globalping is None:
        given = said.merge_answers(given, Answers(globalping=_ask_way("globalping") or None))
    return given


def _ask_way(word: WayWord) -> bool:
    return ask_yes_or_no(say("Add {way}? {tells}", way=say(WAYS[word].title), tells=say(WAYS[word].tells)))


def _ask_consent(before: Settings, profile: CountryProfile, cc: str, *, level: int) -> None:
    """Tell the risk in short, the whole text to whoever wants it, then ask whether it was understood and agreed to.

    A translation that no speaker has signed is there to be read; what is asked afterwards is asked in English.
    """
    if unsigned := explain_unsigned_consent(current_language()):
        _tell_text(before, profile, cc, level=level)
        click.echo()
        echo_lines([unsigned])
        if not ask_yes_or_no(say("Do you read {language} well, and go on in it?", language="English")):
            raise NotAgreedError(say_nothing_written())
    with speak(choose_consent_language(current_language())):
        _tell_text(before, profile, cc, level=level)
        for question in QUESTIONS:
            _ask_question(question)
        agreed = ask_yes_or_no(say("Do you agree to text {number}, and all others whom it concerns?",
                                   number=TEXT_NUMBER))
    if not agreed:
        raise NotAgreedError(say_nothing_written())


def _tell_text(before: Settings, profile: CountryProfile, cc: str, *, level: int) -> None:
    """The risk in short, and the whole text to whoever wants it."""
    places, upload, public = describe_destinations(before), before.upload.place, before.submit.place
    columns = find_columns() or WIDTH
    for line in write_short_text(profile, cc=cc, to=places, upload=upload, public=public, columns=columns,
                                 level=level, costs=describe_costs(level, every_min=profile.every_min,
                                                                   deadline_s=profile.deadline_s)):
        click.echo(line)
    click.echo()
    echo_lines(describe_list_now(before, level))
    if ask_yes_or_no(say("Read the whole text (number {number}) now?", number=TEXT_NUMBER)):
        page_lines(write_consent_text(profile, cc=cc, to=places, upload=upload, public=public, columns=columns))


def _ask_question(question: ConsentQuestion) -> None:
    """Ask until the answer is right; explain each wrong one, and end after too many."""
    click.echo(say(question.question))
    for number, answer in enumerate(question.answers):
        click.echo(f"  {chr(ord('a') + number)}  {say(answer)}")
    for _ in range(TRIES):
        right = question.is_right(str(click.prompt(say("Your answer"))))
        if right:
            return
        click.echo("  " + (say("Answer with one of these letters.") if right is None else
                           say("No. {why}", why=say(question.why))))
    raise NotAgreedError(say("Nothing was written. Read the whole text first: probe setup --show"))


def _find_place(before: Settings) -> TablePlace:
    """Where this device's own public addresses lie, by the table on it; nothing is sent. Behind a translator it has
    none, and nothing is found; behind a VPN the address is another place's, and is not asked for."""
    from probe.config.geo.whereabouts import Whereabouts, choose_table
    from probe.instruments.device.own_addresses import list_own_addresses
    from probe.instruments.device.tunnels import detect_tunnel

    if detect_tunnel():
        return TablePlace()
    here = Whereabouts(choose_table(before.geo, lab=read_marker().lab))
    here.learn_own(list_own_addresses())
    return here.find_table_place()


def _asn(text: str) -> int:
    digits = text.strip().upper().removeprefix("AS")
    if not digits.isascii() or not digits.isdigit() or int(digits) > 4_294_967_295:
        raise SettingsError(say("{text} is no number of a network: such as 64500 or AS64500", text=repr(text)))
    return int(digits)


def _describe_store(settings: Settings) -> str:
    age = say_count("{n} day", "{n} days", settings.store.keep_days) if settings.store.keep_days else say("for ever")
    quota_mb = settings.store.quota_mb
    if not quota_mb:
        return say("{age}, without a limit", age=age)
    days = count_days_kept(settings.run.consent_level, every_min=profile_of(settings.vantage.cc).every_min,
                           quota_mb=quota_mb)
    if 0 < settings.store.keep_days <= days:
        return age
    return say("about {days} of runs ({quota_mb} MB), and nothing for longer than: {age}", age=age, quota_mb=quota_mb,
               days=say_count("{n} day", "{n} days", days))


def _tell(target: Path) -> None:
    settings = load_settings(str(target))
    assert not explain_lacking_consent(settings)
    assert not explain_lacking_upload_consent(settings)
    assert not settings.submit.place or not explain_lacking_submit_consent(settings, settings.submit.place)
    click.echo(say("Written: {target}", target=str(target)))
    echo_lines(f"  {line}" for line in _list_written(settings))
    click.echo(say("Next:"))
    times = {"run_min": f"{settings.run.deadline_s / 60:.0f}", "every_min": profile_of(settings.vantage.cc).every_min}
    echo_lines(f"  {command:<27} {say(what, **(times if '{' in what else {}))}" for command, what in NEXT.items())


NEXT: Mapping[str, str] = {
    "probe run --dry-run": "what would be measured; sends nothing",
    "probe run --fast": "a minute: which messengers work here (probe run: {run_min} minutes, gently)",
    "probe install systemd": "measure every {every_min} minutes (or: probe install cron, probe watch)",
    "probe status": "how it goes",
}
"""What to do after the set-up; `run_min`: how long a run takes, `every_min`: how often an installed one starts."""


def _list_written(settings: Settings) -> Iterator[str]:
    """What the configuration says now."""
    run, cc, ways = settings.run, settings.vantage.cc, list_ways_in_use(settings)
    yield say("level {level}, tier {tier}, country {cc}, results in {folder}", level=run.consent_level, tier=run.tier,
              cc=cc, folder=run.results)
    yield say("kept: {how}; removed.jsonl names what goes (change: [store])",
              how=_describe_store(settings))
    yield say("runs take {costs}", costs=describe_costs(run.consent_level, every_min=profile_of(cc).every_min,
                                                       deadline_s=run.deadline_s))
    yield from describe_list_now(settings, run.consent_level)
    yield say("country and network are looked up in: {tables}", tables=", ".join(describe_geo_settings(settings.geo)))
    yield say("controls: {ways}", ways=", ".join(ways)) if ways else say(
        "controls: none. probe doctor says what one decides. To add one that does not learn what fails: {command}",
        command=FIRST_CONTROL)
    if settings.upload.place:
        yield say("results of each scheduled run are sent to {place}", place=settings.upload.place)
    if settings.submit.place:
        yield say("measurements may become public for ever by way of {place}, each time by hand",
                  place=settings.submit.place)
    if run.skip_services:
        yield say("never measured: {services}", services=", ".join(run.skip_services))
