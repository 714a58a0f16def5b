"""What other distributions bring is found by name, and what is missing is told with how to install it."""

from __future__ import annotations

from typing import get_args

import pytest

from missing_plugins import hide_plugins
from probe.core.plugins import EXPLANATIONS, JUDGES, Group, MissingPluginError, find_plugin, load_plugin
from probe_analysis.populations.population_rules import POPULATION_RULES


def test_what_is_installed_is_loaded() -> None:
    assert load_plugin(EXPLANATIONS, "pop", wanted="the rules") is POPULATION_RULES


@pytest.mark.parametrize("group", get_args(Group))
def test_what_is_missing_says_how_to_install_it(group: Group) -> None:
    assert find_plugin(group, "no such name") is None
    with pytest.raises(MissingPluginError, match=r"^`probe x` .*install.*/(analysis|operate|lab)$"):
        load_plugin(group, "no such name", wanted="`probe x`")


def test_a_plugin_that_cannot_be_imported_is_not_taken_for_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.EntryPoint.load", lambda entry: __import__("no_such_module"))
    with pytest.raises(ModuleNotFoundError):
        load_plugin(JUDGES, "ooni", wanted="the judge")


def test_hidden_plugins_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    hide_plugins(monkeypatch, JUDGES)
    assert find_plugin(JUDGES, "ooni") is None
    assert find_plugin(EXPLANATIONS, "pop")
