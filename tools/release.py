"""Makes a release: `python tools/release.py VERSION [--dry-run]`; `make release VERSION=0.2.0` calls it.

All is done in a clone of what is committed: versions set, changelogs cut, generated documents written, wheels and
source archives of all distributions built, with bills of materials, reports and checksums, and the commit tagged. Only
when everything has worked are commit, tag and `dist/` taken over. `--dry-run` shows them and throws them away. Nothing
is sent.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from distributions import FOLDERS, ROOT
from release_texts import (
    PLACES,
    add_debian_entry,
    cut_changelog,
    find_score_rules,
    find_version,
    read_version,
    set_release_date,
    set_version,
)

CHANGELOGS = ("CHANGELOG.md", "lab/CHANGELOG.md")
DEBIAN = "debian/changelog"
SUMS = "SHA256SUMS"
SCORE = "share/score.md"
REPORTS = (SCORE, "share/licences.md", "share/trials.md")
"""What the tree holds ready for readers of a release."""
PRINT_RULES = "from probe.judge.rules_version import RULES_VERSION; print(RULES_VERSION)"
BY_HAND = """\
By hand, in this order:
  1. make check                        in this commit; throw the release away if it fails:
                                       git tag -d {tag} && git reset --hard HEAD~1
  2. git show {tag}                    read what goes out
  3. CONTRIBUTING.md, "Releasing"      build the Debian packages and the image from the tag; add their checksums:
                                       sha256sum *.deb *.tar >> dist/{sums}, in their folder;
                                       docs/release-files.md has the reports that take hours
  4. minisign -Sm dist/{sums}       or gpg --armor --detach-sign; publish the public key where people know you
  5. git push origin HEAD {tag}
  6. dist/, packages, signature        to where people download; to a package index only names that are ours
"""


class ReleaseError(Exception):
    """Why there is no release; the tree is as it was."""


def run_in(folder: Path, *command: str) -> str:
    """What a command prints. Raises ReleaseError with what it complained about."""
    paths = os.pathsep.join(str(folder / one) for one in (*FOLDERS.values(), "tools"))
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=600,
                          env={**os.environ, "PYTHONPATH": paths})
    if done.returncode != 0:
        raise ReleaseError(f"{' '.join(command)}:\n{done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip()


def check_ready(root: Path, version: str) -> str:
    """The version that is released now. Raises ReleaseError for whatever stands against the new one."""
    if changed := run_in(root, "git", "status", "--porcelain"):
        raise ReleaseError(f"These files are not committed:\n{changed}")
    if run_in(root, "git", "tag", "--list", f"v{version}"):
        raise ReleaseError(f"The tag v{version} is there already")
    found = {file: find_version(file, (root / file).read_text(encoding="utf-8")) for file in PLACES}
    if len(set(found.values())) != 1:
        raise ReleaseError(f"The versions differ: {found}")
    (now,) = set(found.values())
    if read_version(version) <= read_version(now):
        raise ReleaseError(f"{version} is not newer than {now}")
    return now


def check_score(tree: Path) -> None:
    """Raises ReleaseError unless the published score is of the rules that are released."""
    try:
        scored = find_score_rules((tree / SCORE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ReleaseError(f"{SCORE}: {error}") from error
    shipped = run_in(tree, sys.executable, "-c", PRINT_RULES)
    if scored != shipped:
        raise ReleaseError(f"{SCORE} is of rules {scored}, the program has rules {shipped}: "
                           f"probe lab score --level socket --markdown {SCORE}")


def write_files(tree: Path, version: str, when: datetime) -> None:
    """Set the versions, cut the changelogs and write the generated documents."""
    def rewrite(file: str, text: str) -> None:
        (tree / file).write_text(text, encoding="utf-8")

    for file in PLACES:
        rewrite(file, set_version(file, (tree / file).read_text(encoding="utf-8"), version))
    citation = tree / "CITATION.cff"
    rewrite(citation.name, set_release_date(citation.read_text(encoding="utf-8"), f"{when:%Y-%m-%d}"))
    for file in CHANGELOGS:
        try:
            rewrite(file, cut_changelog((tree / file).read_text(encoding="utf-8"), version, f"{when:%Y-%m-%d}"))
        except ValueError as error:
            raise ReleaseError(f"{file}: {error}") from error
    rewrite(DEBIAN, add_debian_entry((tree / DEBIAN).read_text(encoding="utf-8"), version, when))
    run_in(tree, sys.executable, "tools/docs.py")


def build_files(tree: Path, version: str) -> tuple[Path, ...]:
    """Wheels, source archives, bills of materials, reports and, last, their checksums, in `dist/` of the tree."""
    dist = tree / "dist"
    for name, below in FOLDERS.items():
        run_in(tree / below, sys.executable, "-m", "hatchling", "build", "-d", str(dist))
        run_in(tree, sys.executable, "tools/sbom.py", name, str(dist / f"{name}-{version}.cdx.json"), version)
    for report in REPORTS:
        shutil.copyfile(tree / report, dist / Path(report).name)
    (dist / "owners.md").write_text(f"{run_in(tree, sys.executable, 'tools/owners.py')}\n", encoding="utf-8")
    made = sorted(dist.iterdir())
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in made]
    (dist / SUMS).write_text("".join(lines), encoding="utf-8")
    return (*made, dist / SUMS)


def commit_and_tag(tree: Path, root: Path, version: str) -> None:
    """One commit and an annotated tag, by whoever commits in `root`."""
    for key in ("user.name", "user.email"):
        run_in(tree, "git", "config", key, run_in(root, "git", "config", key))
    run_in(tree, "git", "commit", "--quiet", "--all", "--message", f"Release {version}")
    run_in(tree, "git", "tag", "--annotate", "--message", f"Release {version}", f"v{version}")


def take_over(tree: Path, root: Path, version: str) -> None:
    """Commit, tag and `dist/` of the clone; the tag last, so that nothing is tagged that is not here."""
    tag = f"refs/tags/v{version}"
    run_in(root, "git", "fetch", "--quiet", "--no-tags", str(tree), tag)
    run_in(root, "git", "merge", "--quiet", "--ff-only", "FETCH_HEAD")
    shutil.rmtree(root / "dist", ignore_errors=True)
    shutil.move(tree / "dist", root / "dist")
    run_in(root, "git", "fetch", "--quiet", "--no-tags", str(tree), f"{tag}:{tag}")


def make_release(root: Path, version: str, *, dry_run: bool, when: datetime) -> str:
    """What was done and what is to be done by hand. Raises ReleaseError; then nothing has changed in `root`."""
    read_version(version)
    before = check_ready(root, version)
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        tree = Path(folder) / "tree"
        run_in(root, "git", "clone", "--quiet", str(root), str(tree))
        check_score(tree)
        write_files(tree, version, when)
        made = build_files(tree, version)
        commit_and_tag(tree, root, version)
        said = [f"{before} -> {version}", run_in(tree, "git", "show", "--stat", "--format=", "HEAD"),
                (tree / "dist" / SUMS).read_text(encoding="utf-8"), f"{len(made)} files in dist/\n"]
        if not dry_run:
            take_over(tree, root, version)
    end = "Nothing was kept: this was a dry run.\n" if dry_run else BY_HAND.format(tag=f"v{version}", sums=SUMS)
    return "\n".join(said) + end


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status: 1 where there is no release."""
    parser = argparse.ArgumentParser(description="Make a release; nothing is sent anywhere.")
    parser.add_argument("version", help="three numbers, as 0.2.0")
    parser.add_argument("--dry-run", action="store_true", help="do everything in a clone and throw it away")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    try:
        print(make_release(chosen.root, chosen.version, dry_run=chosen.dry_run, when=datetime.now(UTC)), end="")
    except (ReleaseError, ValueError) as error:
        print(f"No release. {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
