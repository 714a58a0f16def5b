"""The makers' side of keys: made, signed and published by the commands that the documents name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from probe.upkeep.commands.exit_codes import EXIT_FAILED
from signed import document
from update_world import call, settle, today


@pytest.fixture(autouse=True)
def home(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    settle(in_folder, monkeypatch)
    for name in ("first", "daily", "second", "safe"):
        assert call("feed", "--new-key", name).exit_code == 0
    return in_folder


def make(number: int, *signers: str, threshold: int = 1) -> None:
    options = [word for name in signers for word in ("--signer", f"{name}.pub")]
    done = call("update", "keys", "make", "--of", "list", "--number", str(number), *options, "--threshold",
                str(threshold), "--keeper", "safe.pub", "-o", f"keys-{number}.json")
    assert done.exit_code == 0, done.output


def add(number: int, by: str) -> int:
    assert call("update", "sign", f"keys-{number}.json", "--key", by).exit_code == 0
    done = call("update", "keys", "add", f"keys-{number}.json", "--from", "list.json.keys", "--key", "first.pub")
    assert done.exception is None or done.exit_code == EXIT_FAILED
    return done.exit_code


def sign(serial: int, *by: str) -> None:
    Path("list.json").write_bytes(document(serial, today()))
    for number, key in enumerate(by):
        done = call("update", "sign", "list.json", "--key", key, *(["--add"] if number else []))
        assert done.exit_code == 0, done.output


def taken() -> tuple[int, int]:
    """Exit status, and the number of the key statement that counts."""
    done = call("update", "--from", "list.json", "--key", "first.pub", "--json")
    return done.exit_code, json.loads(done.output)["keys_number"] if done.exit_code == 0 else -1


def test_from_one_key_to_two_of_which_both_must_sign() -> None:
    sign(1, "first")
    assert taken() == (0, 0)
    make(1, "daily", "second", threshold=2)
    assert add(1, "daily") == EXIT_FAILED, "only the configured key begins"
    assert add(1, "first") == 0
    sign(2, "daily")
    assert taken()[0] == EXIT_FAILED
    sign(3, "daily", "daily")
    assert taken()[0] == EXIT_FAILED
    sign(4, "daily", "second")
    assert taken() == (0, 1)


def test_a_stolen_key_is_struck_by_the_keeper() -> None:
    make(1, "daily")
    assert add(1, "first") == 0
    sign(1, "daily")
    assert taken() == (0, 1)
    make(2, "second")
    assert add(2, "daily") == EXIT_FAILED
    assert add(2, "safe") == 0
    sign(2, "daily")
    assert taken()[0] == EXIT_FAILED
    sign(2, "second")
    assert taken() == (0, 2)
    assert "signed list 2" in call("targets", "list").output


def test_a_statement_tells_from_when_and_until_when_its_keys_count() -> None:
    done = call("update", "keys", "make", "--of", "list", "--number", "1", "--signer", "daily.pub",
                "--keeper", "safe.pub", "--since", "2026-12-01", "--expires", "2027-06-30", "-o", "keys.json")
    assert done.exit_code == 0, done.output
    made = json.loads(Path("keys.json").read_text())
    assert (made["since"], made["expires"]) == ("2026-12-01", "2027-06-30")


@pytest.mark.parametrize("arguments", [
    ("update", "sign", "absent", "--key", "first"), ("update", "sign", "first.pub", "--key", "first.pub"),
    ("update", "sign", "first.pub", "--key", "first", "--add"),
    ("update", "keys", "make", "--of", "list", "--number", "1", "--signer", "first.pub", "--keeper", "first.pub",
     "--threshold", "2", "-o", "x"),
    ("update", "keys", "make", "--of", "list", "--number", "1", "--signer", "absent", "--keeper", "first.pub",
     "-o", "x"),
    ("update", "keys", "add", "first.pub", "--from", "list.json.keys", "--key", "first.pub"),
])
def test_wrong_use_is_told(arguments: tuple[str, ...]) -> None:
    Path("first.pub").chmod(0o600)
    done = call(*arguments)
    assert done.exit_code == EXIT_FAILED
    assert done.output.startswith("Error: ")
    assert not Path("x").exists()
