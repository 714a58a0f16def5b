"""What is written into a person's settings, and that all else in them stays."""

from __future__ import annotations

import subprocess
import sys
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.config.settings import SettingsError
from probe.config.settings_edit import Value, edit_settings
from project_root import ROOT

OWN = """\
# mine
[run]   # how
results = "/srv"  # the big disk
"tier" = 2
skip_services = [
  "line",  # not this
]

[[helper]]
id = "a"
url = "https://helper.example/"

[vantage]
asn = 64500
"""


def test_a_persons_own_lines_stay() -> None:
    text = edit_settings(OWN,
                         {"run": {"tier": 1, "skip_services": ("line", "signal"), "pace_s": 2.0},
                          "vantage": {"cc": "DE"},
                               "consent": {"text": 1}})
    assert text == """\
# mine
[run]   # how
results = "/srv"  # the big disk
"tier" = 1
skip_services = [
  "line",  # not this
  "signal",
]
pace_s = 2.0

[[helper]]
id = "a"
url = "https://helper.example/"

[vantage]
asn = 64500
cc = "DE"

[consent]
text = 1
"""
    assert edit_settings(text, {"run": {"results": "/new"}}).splitlines()[2] == 'results = "/new"  # the big disk'


def test_what_says_so_already_keeps_its_spelling() -> None:
    assert edit_settings(OWN, {"run": {"tier": 2, "skip_services": ("line",)}, "vantage": {"asn": 64500}}) == OWN


@pytest.mark.parametrize(("before", "after"), [
    ("", "[run]\ntier = 1\n"),
    ("# mine", "# mine\n\n[run]\ntier = 1\n"),
    ("[run]", "[run]\ntier = 1\n"),
    ("[run]\ntier = 2 # two", "[run]\ntier = 1 # two\n"),
    ('[ "run" ]\ntier = 2\n', '[ "run" ]\ntier = 1\n'),
    ("[ run ]  # how\n'tier'=2\n", "[ run ]  # how\n'tier'=1\n"),
    ('[run]\n"ti\\u0065r" = 2\n', '[run]\n"ti\\u0065r" = 1\n'),
    ("run = { tier = 2 }\n", "run = { tier = 1 }\n"),
    ("run = {}\n", "run = {tier = 1}\n"),
    ("run.tier = 2  # two\n", "run.tier = 1  # two\n"),
    ("run.pace_s = 2\nvantage.asn = 1\n", "run.pace_s = 2\nrun.tier = 1\nvantage.asn = 1\n"),
    ('run . "tier" = 2\n', 'run . "tier" = 1\n'),
    ("[run.own]\nx = 1\n", "[run]\ntier = 1\n\n[run.own]\nx = 1\n"),
    ("[run.a]\nx = 1\n[b]\n[run.c]\n", "[run]\ntier = 1\n\n[run.a]\nx = 1\n[b]\n[run.c]\n"),
    ("[[helper]]\nid = 'a'\n", "[[helper]]\nid = 'a'\n\n[run]\ntier = 1\n"),
    ('[run]\nx = """\ntier = 1\n[vantage]\n"""\ntier = 2\n', '[run]\nx = """\ntier = 1\n[vantage]\n"""\ntier = 1\n'),
    ("[run]\ntier = 0x02\n\n# of the next\n[vantage]\n", "[run]\ntier = 1\n\n# of the next\n[vantage]\n"),
    ("[run]\ntier = [\n  2, # two\n]\n", "[run]\ntier = 1\n"),
])
def test_every_spelling_of_a_table_can_be_edited(before: str, after: str) -> None:
    assert edit_settings(before, {"run": {"tier": 1}}) == after


@pytest.mark.parametrize(("before", "after"), [
    ("[]", '["a", "b"]'),
    ('["b", "a"]', '["a", "b"]'),
    ('["c", "a"]  # mine', '["a", "b"]  # mine'),
    ('[\n  "a",  # one\n  "c",  # three\n  # end\n]', '[\n  "a",  # one\n  # end\n  "b"\n]'),
    ("[\n  'c', 'a' # one\n  # end\n]", '["a", "b"]'),
])
def test_remarks_within_an_array_stay_where_they_can(before: str, after: str) -> None:
    head = "[run]\nskip_services = "
    assert edit_settings(f"{head}{before}\n", {"run": {"skip_services": ("a", "b")}}) == f"{head}{after}\n"


@pytest.mark.parametrize("text", ["[[run]]\ntier = 2\n", "run = 3\n", "run = []\n"])
def test_what_is_no_table_is_not_replaced(text: str) -> None:
    with pytest.raises(SettingsError, match="by hand"):
        edit_settings(text, {"run": {"tier": 1}})


@pytest.mark.parametrize("text", ["[run", "a = 1\na = 2\n", "run.x = 1\n[run]\n", "a = \x00\n"])
def test_what_is_no_toml_is_not_written_on(text: str) -> None:
    with pytest.raises(SettingsError, match="is no TOML"):
        edit_settings(text, {"run": {"tier": 1}})


# ---- whatever it is, and however it is spelt

KEYS = st.sampled_from(["cc", "level", "odd", "sends", "sp ace"])
NAMES = st.sampled_from(["run", "vantage", "own"])
CHANGES: st.SearchStrategy[dict[str, Value]] = st.dictionaries(KEYS, st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=8), st.integers(-2**60, 2**60), st.booleans(),
    st.floats(allow_nan=False), st.lists(st.text(st.characters(codec="utf-8"), max_size=5), max_size=3)), max_size=4)
VALUES = st.sampled_from([
    "1", "0x1f", "true", "-inf", "1979-05-27T07:32:00Z", '"a\\u0062c"', "'''x\n[run]\n'''", "[]", "[1, [2]]",
    '["line", "a"]', '[\n  "line", # one\n\n  "a" # two\n  # end\n]', "{ x = 1, y.z = 2 }", "{}"])
REMARKS = st.sampled_from(["", " # mine", "\n", "\n# [run]\n"])


@st.composite
def spelt(draw: st.DrawFn, name: str) -> str:
    """A key as one may write it."""
    quoted = [f'"{name}"', f"'{name}'"]
    return draw(st.sampled_from(quoted if " " in name else [name, *quoted]))


@st.composite
def files(draw: st.DrawFn) -> str:
    """A TOML file; tables are headers, inline, dotted, or the parents of other tables."""
    dotted, headed = [], []
    for name in draw(st.lists(NAMES, unique=True)):
        style = draw(st.sampled_from(["header", "inline", "dotted", "parent", "array"]))
        pairs = [(draw(spelt(key)), draw(VALUES)) for key in draw(st.lists(KEYS, unique=True, max_size=3))]
        lines = [f"{key} = {value}{draw(REMARKS)}\n" for key, value in pairs]
        own = draw(spelt(name))
        if style == "inline":
            dotted.append(f"{own} = {{{', '.join(f'{key} = {value}' for key, value in pairs)}}}{draw(REMARKS)}\n")
        elif style == "dotted":
            dotted += [f"{own} . {line}" for line in lines]
        else:
            head = {"header": f"[ {own} ]", "parent": f"[{own}.below]", "array": f"[[{own}.below]]"}[style]
            headed.append("".join([f"{head}{draw(REMARKS)}\n", *lines]))
    text = "".join([*draw(st.permutations(dotted)), *draw(st.permutations(headed))])
    return text if draw(st.booleans()) else text.removesuffix("\n")


@given(files(), NAMES, CHANGES)
def test_what_is_wanted_is_read_and_all_else_is_unchanged(text: str, table: str, values: dict[str, Value]) -> None:
    before = tomllib.loads(text)
    result = edit_settings(text, {table: values})
    assert tomllib.loads(result) == {**before, table: {**before.get(table, {}), **values}}
    for kept in ("# mine", "# [run]"):
        assert result.count(kept) == text.count(kept)


def test_reading_settings_does_not_load_the_writer() -> None:
    program = "import sys, probe.config.settings_edit, probe.cli.setup; sys.exit('tomlkit' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, timeout=60, check=False).returncode == 0
