"""What people type by mistake: one sentence that names it and a way on, and never a traceback."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from probe.cli.finite_range import FiniteRange
from probe.cli.main import cli, list_names
from probe.core.tables.consent_words import TEXT_NUMBER
from probe.store.runs.run_writer import write_run
from probe.upkeep.commands.exit_codes import EXIT_FAILED, EXIT_NO_CONSENT, EXIT_USAGE
from stored import a_result

A_WAY_ON = re.compile(r"probe [a-z]+|--[a-z]+|[Dd]id you mean|such as|one of|Try '|save |is no |is not |must ")
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")


@pytest.fixture(autouse=True)
def _folder(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.config.settings.SEARCH_PATHS", ("$XDG_CONFIG_HOME/probe/probe.toml",))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(in_folder / "config"))
    monkeypatch.setattr("probe.instruments.device.own_addresses.list_own_addresses", lambda: ())
    monkeypatch.delenv("PROBE_CONFIG", raising=False)
    monkeypatch.setenv("HOME", str(in_folder))
    write_run(a_result(), Path("results"), parquet=False)
    Path("list.txt").write_text("localhost\n")
    Path("semicolons.csv").write_text("target_id;service;role;tier;status;input;protocol;host\n")
    Path("noise.csv").write_bytes(b"\xff\xfe\x00")
    Path("bad.toml").write_text("[run]\ntier = 'one'\n")
    Path("nan.toml").write_text("[run]\ndeadline_s = nan\n")
    Path("dark.toml").mkdir()
    Path("latin.toml").write_bytes(b"[run]\nresults = '\xe4'\n")
    Path("loop").symlink_to("loop")


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


@pytest.mark.parametrize(("arguments", "named"), [
    (("rnu",), "run"), (("statsu",), "status"), (("shwo",), "show"), (("instal", "cron"), "install"),
    (("show", "whatsap"), "whatsap"), (("show", "x" * 5000), "x"), (("show", "\x1b[2J"), "1b"),
    (("show", "--results", "absent"), "absent"), (("show", "--page", "/proc/page.html"), "/proc"),
    (("status", "--config", "bad.toml"), "bad.toml"), (("status", "extra"), "extra"),
    (("explain", "tls.rest.sni"), "tls.reset.sni"), (("explain", "blockd"), "blocked"),
    (("run", "--tier", "9"), "tier"), (("run", "--deadline-s", "soon"), "deadline"),
    (("run", "--input", "signal"), "signal"), (("run", "--catalogue", "list.txt"), "list.txt"),
    (("run", "--catalogue", "semicolons.csv"), "semicolons"), (("run", "--catalogue", "noise.csv"), "noise.csv"),
    (("run", "--catalogue", "absent.csv"), "absent.csv"), (("run", "--fast", "--config", "bad.toml"), "bad.toml"),
    (("setup", "--agree", "1"), "setup"), (("setup", "--country", "Germany", "--agree", str(TEXT_NUMBER)), "Germany"),
    (("setup", "--agree", str(TEXT_NUMBER), "--skip-service", "signl"), "signal"),
    (("setup", "--agree", str(TEXT_NUMBER), "--results", "/proc/nowhere"), "/proc"),
    (("setup", "--level", "7"), "level"), (("run", "--deadline-s", "nan"), "deadline"),
    (("run", "--wait-s", "inf"), "wait"), (("upload", "--for-s", "-inf"), "for-s"),
    (("run", "--dry-run", "--config", "nan.toml"), "nan.toml"), (("run", "--config", "dark.toml"), "dark.toml"),
    (("watch", "--every-min", "7"), "every-min"), (("report", "absent"), "absent"), (("classify", "absent"), "absent"),
    (("targets", "list", "--service", "telegramm"), "telegram"), (("targets", "shwo"), "shwo"),
    (("verify", "noise.csv"), "noise.csv"), (("classify", "config"), "config"), (("compact", "absent"), "absent"),
    (("export", "--to", "/proc/x"), "--to"), (("export", "ooni", "absent"), "absent"),
    (("evidence", "--show", "nobody"), "nobody"), (("update", "fedes"), "fedes"),
    (("update", "feeds", "--config", "latin.toml"), "latin.toml"), (("upload", "--to", "ftp://x"), "--to"),
    (("submit", "ooni", "--collector", "gopher://x"), "collector"), (("status", "--config", "loop"), "loop"),
    (("completion", "tcsh"), "tcsh"), (("install", "systemd", "--every-min", "-5"), "-5"),
    (("uninstall", "cron"), "cron"), (("watch", "--once", "--config", "absent.toml"), "absent.toml"),
    (("explain", "\x1b"), "x1b"), (("setup", "--feed", "KEY"), "--feed"), (("setup", "--asn", "-1"), "asn"),
    (("setup", "--answers", "noise.csv"), "noise.csv"),
    (("run", "--seed", "1e5"), "1e5"), (("run", "--at", "yesterday"), "--at"), (("run", "--config", "loop"), "loop"),
    (("run", "--deadline-s", "1e400"), "deadline"), (("--lang", "klingon", "status"), "klingon"),
    (("collect", "absent"), "absent"), (("helper", "--port", "9"), "--port"),
    (("lab", "exec", "nosuch", "--", "true"), "nosuch"), (("lab", "score", "--scenario", "nosuch"), "nosuch"),
    (("demo", "--seed", "x"), "--seed"), (("feed", "absent"), "absent"),
])
def test_a_mistake_is_named_with_a_way_on(arguments: tuple[str, ...], named: str) -> None:
    result = call(*arguments)
    assert result.exit_code in (EXIT_FAILED, EXIT_USAGE, EXIT_NO_CONSENT), result.output
    assert isinstance(result.exception, SystemExit), result.exception
    assert named in result.output
    assert A_WAY_ON.search(result.output), result.output
    assert not CONTROL.search(result.output)
    assert len(result.output) < 1500


@pytest.mark.parametrize(("arguments", "named"), [
    (("forget", "r9"), "r9"), (("setup", "--from", "absent.toml"), "absent.toml"), (("fleet", "health", "no"), "no:"),
    (("setup", "--helper", "http://x", "--agree", str(TEXT_NUMBER)), "https"), (("compare", "no", "none"), "no"),
    (("setup", "--geo", "absent.mmdb", "--agree", str(TEXT_NUMBER)), "absent.mmdb"), (("site", "absent"), "absent"),
    (("import", "absent"), "absent"), (("operate", "absent"), "absent"), (("issuer", "absent"), "absent")])
def test_a_mistake_is_named(arguments: tuple[str, ...], named: str) -> None:
    result = call(*arguments)
    assert result.exit_code in (EXIT_FAILED, EXIT_USAGE), result.output
    assert isinstance(result.exception, SystemExit), result.exception
    assert named in result.output


def test_only_whoever_has_no_file_is_told_to_write_it() -> None:
    assert "--config absent.toml" in call("run", "--config", "absent.toml").output
    assert "--config loop" not in call("run", "--config", "loop").output


def list_floats(command: click.Command) -> Iterator[tuple[str, click.Parameter]]:
    yield from ((f"{command.name} {param.name}", param) for param in command.params
                if isinstance(param.type, click.FloatRange) or param.type is click.FLOAT)
    for below in command.commands.values() if isinstance(command, click.Group) else ():
        yield from list_floats(below)


@pytest.mark.parametrize("name", list_names())
def test_no_command_takes_a_number_that_is_not_finite(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert not [said for said, param in list_floats(command) if not isinstance(param.type, FiniteRange)]
