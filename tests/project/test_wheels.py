"""The tool that tells what lacks a wheel on small machines; the package index is not asked here."""

from __future__ import annotations

import pytest

import wheels


def test_only_what_is_compiled_is_asked_about_and_only_once() -> None:
    asked: list[str] = []

    def never(name: str, version: str, platforms: tuple[str, ...]) -> bool:
        assert version
        asked.append(name.lower())
        return False

    missing = wheels.list_missing(("any",), asked=never)
    assert list(missing) == list(wheels.GROUPS)
    assert {"cryptography", "msgspec"} <= set(asked)
    assert not {"click", "requests", "dnspython"} & set(asked)
    assert len(asked) == len(set(asked))
    assert all(any(line.lower().startswith(f"{name} ") for line in missing[""]) for name in ("cryptography", "msgspec"))


@pytest.mark.parametrize(("there", "status"), [(True, 0), (False, 1)])
def test_what_every_run_needs_decides(there: bool, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "list_missing", lambda platforms: {"": () if there else ("x 1",), "geo": ("y 2",)})
    assert wheels.main() == status


def test_each_machine_is_asked_about_wheels_of_older_systems_too() -> None:
    assert {"manylinux2014_aarch64", "manylinux_2_28_aarch64"} <= set(wheels.PLATFORMS["arm64"])
    assert all("armv7l" in tag for tag in wheels.PLATFORMS["armv7"])
