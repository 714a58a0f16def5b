"""Build the site of documents into site/ and check it: no warning, no dead link, nothing fetched from elsewhere.

`python tools/docs_site.py [FOLDER]`; needs the extra `docs`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import tomlkit

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from site_links import PageLinks, read_page  # noqa: E402

CONFIG = "zensical.toml"
REPORTS = ("score.md", "trials.md")
FETCHED = frozenset({("script", "src"), ("link", "href"), ("img", "src"), ("iframe", "src"), ("source", "src")})
"""What a browser fetches by itself; of links of the rest (canonical, licence) the site has none."""


class SiteError(Exception):
    """The site could not be built, or is not fit to be read."""


def build(folder: Path, root: Path = ROOT) -> None:
    """Build the site into a folder, which is made anew. Raises SiteError for a warning and for what `check` finds."""
    with tempfile.TemporaryDirectory(prefix="docs-site-") as name:
        work = Path(name)
        shutil.copytree(root / "docs", work / "docs")
        _add_reports(root, work / "docs")
        for package in ("probe", "analysis"):
            (work / package).symlink_to(root / package)
        (work / CONFIG).write_text(read_config(root), encoding="utf-8")
        done = subprocess.run([sys.executable, "-m", "zensical", "build", "--strict", "--clean"], cwd=work,
                              capture_output=True, text=True, check=False)
        if done.returncode or not (work / "site" / "index.html").is_file():
            raise SiteError(f"{done.stdout}{done.stderr}".strip())
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(work / "site", folder)
    if problems := list(check(folder)):
        raise SiteError("\n".join(problems))


def _add_reports(root: Path, docs: Path) -> None:
    """The reports that the page of release files names are pages of the site, beside that page."""
    page = docs / "release-files.md"
    if page.is_file():
        text = page.read_text(encoding="utf-8")
        for name in REPORTS:
            shutil.copyfile(root / "share" / name, docs / name)
            text = text.replace(f"](../share/{name})", f"]({name})")
        page.write_text(text, encoding="utf-8")


def read_config(root: Path = ROOT) -> str:
    """The configuration as it stands."""
    return (root / CONFIG).read_text(encoding="utf-8")


def list_pages(config: str) -> list[str]:
    """The pages that the navigation of a configuration names, as paths below docs/."""
    def walk(parts: list[dict[str, Any]]) -> Iterator[str]:
        for part in parts:
            (inside,) = part.values()
            yield from walk(inside) if isinstance(inside, list) else (inside,)
    return list(walk(tomlkit.parse(config).unwrap()["project"]["nav"]))


def check(folder: Path) -> Iterator[str]:
    """What is wrong with a site: dead links and anchors, and what a reader's browser would fetch from elsewhere."""
    pages = {path: read_page(path) for path in sorted(folder.rglob("*.html"))}
    for path, page in pages.items():
        for tag, attribute, url in page.links:
            parts = urlsplit(url)
            if parts.scheme or parts.netloc:
                if (tag, attribute) in FETCHED and parts.scheme != "data":
                    yield f"{path.relative_to(folder)}: fetches {url}"
                continue
            if problem := _follow(path, url, pages, folder):
                yield f"{path.relative_to(folder)}: {url}: {problem}"


def _follow(path: Path, url: str, pages: dict[Path, PageLinks], folder: Path) -> str:
    parts = urlsplit(url)
    base = folder if parts.path.startswith("/") else path.parent
    target = (base / unquote(parts.path.lstrip("/"))).resolve() if parts.path else path
    if target.is_dir():
        target /= "index.html"
    if not target.is_file():
        return "no such file"
    known = pages.get(target)
    if parts.fragment and known and unquote(parts.fragment) not in known.anchors:
        return "no such anchor"
    return ""


def main() -> int:
    """Build, and say what is wrong."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "site"
    try:
        build(folder)
    except SiteError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"built {folder}: open {folder / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
