"""Write the skeleton of a messenger's handshake: its words, its server in the laboratory, its test, its row.

`python tools/new_handshake.py irc --title IRC --over tls [--marks-sender]`. The new tests fail until the
places marked TODO are filled; `docs/handshake.md` walks through one.
"""

from __future__ import annotations

import argparse
import keyword
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

import handshake_templates as templates  # noqa: E402

OVER = ("tcp", "tls")
"""What carries the words of a skeleton."""


class ScaffoldError(Exception):
    """The skeleton cannot be written; nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """What is asked for."""

    name: str
    title: str
    over: str
    marks_sender: bool

    def words(self) -> dict[str, str]:
        """What the templates name."""
        return {"name": self.name, "title": self.title, "over": self.over,
                "scheme": {"tcp": "tcpconnect", "tls": "tlshandshake"}[self.over],
                "within": ", within TLS" if self.over == "tls" else "",
                "marks": "true" if self.marks_sender else "false"}


def plan(asked: Handshake, root: Path) -> dict[Path, str]:
    """Every file that comes or changes, with its new text. Raises ScaffoldError; writes nothing."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{1,30}", asked.name):
        raise ScaffoldError(f"{asked.name}: a name is of small letters, digits and underlines")
    if keyword.iskeyword(asked.name):
        raise ScaffoldError(f"{asked.name}: a word of Python itself; choose another name")
    if not re.fullmatch(r"[^\W_][\w .,+/()-]{0,60}", asked.title):
        raise ScaffoldError("the title: letters, digits and plain marks, at most 61, no quotation marks or backslashes")
    names, words = root / "probe" / "core" / "tables" / "handshakes.py", asked.words()
    table = names.with_suffix(".csv")
    text = names.read_text(encoding="utf-8") if names.is_file() else ""
    if f'"{asked.name}"' in text:
        raise ScaffoldError(f"{asked.name}: there is a protocol of this name; choose another one")
    new = {f"probe/instruments/messengers/handshakes/{asked.name}.py": templates.MODULE,
           f"lab/probe_lab/servers/messengers/{asked.name}.py": templates.SERVER,
           f"tests/instruments/messengers/test_app_{asked.name}.py": templates.TEST}
    if taken := [file for file in new if (root / file).exists()]:
        raise ScaffoldError(f"there is {taken[0]} already")
    made = {root / file: template.substitute(words) for file, template in new.items()}
    mark = ']\n"""Words of the column `protocol`'
    if text.count(mark) != 1:
        raise ScaffoldError(f"handshakes.py: {mark!r} should be there once, below the names")
    return {**made, names: text.replace(mark, f'    "{asked.name}",\n{mark}'),
            table: table.read_text(encoding="utf-8") + templates.ROW.substitute(words)}


def main() -> int:
    """Write it, and say what is left to do."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("name", help="word of the column `protocol`, such as irc")
    parser.add_argument("--title", required=True, help="its name for people")
    parser.add_argument("--over", choices=OVER, default="tls", help="what carries it")
    parser.add_argument("--marks-sender", action="store_true", help="an observer learns more than from the host's name")
    parser.add_argument("--root", type=Path, default=ROOT, help="checkout to write into")
    given = parser.parse_args()
    asked = Handshake(name=given.name, title=given.title, over=given.over, marks_sender=given.marks_sender)
    try:
        made = plan(asked, given.root)
    except (ScaffoldError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    for path, text in made.items():
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(given.root)}")
    modules = [str(path) for path in made if path.suffix == ".py"]  # their new imports go where they belong
    subprocess.run([sys.executable, "-m", "ruff", "check", "--quiet", "--select", "I", "--fix", *modules], check=False)
    print("\nFill what says TODO until this passes:\n  .venv/bin/python -m pytest -q "
          f"tests/instruments/messengers/test_app_speech.py tests/instruments/messengers/test_app_{asked.name}.py"
          f"\nThen add its rows to targets.csv, such as\n  {templates.TARGET.substitute(asked.words())}"
          "\nand run `make docs`. docs/handshake.md has every step.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
