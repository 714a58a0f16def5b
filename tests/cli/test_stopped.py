"""Ctrl-C ends a command with one line and the status of programs that it ends."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from probe.cli.main import cli
from probe.operation.commands.exit_codes import EXIT_FAILED, EXIT_STOPPED


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
