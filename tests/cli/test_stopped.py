"""Ctrl-C ends a command with one line and the status of programs that it ends."""

from __future__ import annotations

import signal
import threading

import click
import pytest
from click.testing import CliRunner

from probe.cli.main import cli
from probe.upkeep.commands.exit_codes import EXIT_FAILED, EXIT_STOPPED


@pytest.mark.parametrize("error", [KeyboardInterrupt, click.Abort])
def test_a_stopped_command_says_so_in_one_line(monkeypatch: pytest.MonkeyPatch, error: type[BaseException]) -> None:
    def stop(*_: object) -> None:
        raise error

    monkeypatch.setattr("probe.cli.doctor.load_settings", stop)
    done = CliRunner().invoke(cli, ["doctor"])
    assert done.exit_code == EXIT_STOPPED
    assert len(done.stderr.strip().splitlines()) == 1
    assert not done.stdout.strip()


def test_an_input_that_ends_is_a_failure_and_no_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    def end(*_: object) -> None:
        try:
            raise EOFError
        except EOFError:
            raise click.Abort from None

    monkeypatch.setattr("probe.cli.doctor.load_settings", end)
    assert CliRunner().invoke(cli, ["doctor"]).exit_code == EXIT_FAILED


def test_a_query_that_was_stopped_is_a_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    """DuckDB turns Ctrl-C into an error of its own. The query ends by itself: then the stop is noticed after it."""
    import duckdb

    def ask(*_: object) -> None:
        timer = threading.Timer(0.2, signal.raise_signal, (signal.SIGINT,))
        with duckdb.connect() as connection:
            timer.start()
            connection.execute("SELECT sum(a.range * b.range) FROM range(30000) a, range(30000) b").fetchall()

    monkeypatch.setattr("probe.cli.doctor.load_settings", ask)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # programs in the background ignore it
    try:
        done = CliRunner().invoke(cli, ["doctor"])
    finally:
        signal.signal(signal.SIGINT, before)
    assert done.exit_code == EXIT_STOPPED, done.output
    assert len(done.stderr.strip().splitlines()) == 1


def test_another_error_is_no_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("something else")

    monkeypatch.setattr("probe.cli.doctor.load_settings", fail)
    assert isinstance(CliRunner().invoke(cli, ["doctor"]).exception, RuntimeError)
