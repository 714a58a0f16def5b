"""axe-core, which finds what keeps people out of a page: requirements/axe.txt installs it, it is never kept."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from chromium import Browser

_PACKAGE = "axe_playwright_python"
_GRAVE = ("serious", "critical")
_OPTIONS = {"resultTypes": ["violations"], "preload": False}
_FIND = "axe.run(document, {}).then(found => JSON.stringify(found.violations))"


def read_axe() -> str:
    """The script; skips the test where the package is not installed. The package itself is not imported."""
    found = importlib.util.find_spec(_PACKAGE)
    for folder in (found and found.submodule_search_locations) or ():
        script = Path(folder) / "axe.min.js"
        if script.is_file():
            return script.read_text(encoding="utf-8")
    pytest.skip("axe-core is not installed: pip install --no-deps --require-hashes -r requirements/axe.txt")


def find_violations(browser: Browser, script: str) -> list[str]:
    """What is serious or critical on the page that is open: rule, element, and what to do."""
    browser.run(f"{script}\n;0")
    found = json.loads(browser.run(_FIND.format(json.dumps(_OPTIONS))))
    return [f"{rule['id']}: {node['html'][:200]}: {node['failureSummary']}" for rule in found
            if rule["impact"] in _GRAVE for node in rule["nodes"]]
