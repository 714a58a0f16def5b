"""How many controls a list of one's own brings along."""

from __future__ import annotations

from pathlib import Path

import pytest

from probe.catalogue.load import load_catalogue
from probe.catalogue.types import Catalogue
from probe.core.tables.protocols import DATAGRAMS
from probe.session.selection import COMPANY, Selection, select_sites


def of_list(folder: Path, *urls: str) -> Catalogue:
    file = folder / "list.txt"
    file.write_text("".join(f"{url}\n" for url in urls))
    return load_catalogue(str(file))


def select(catalogue: Catalogue, *, in_proportion: bool = True, tier: int = 1) -> Selection:
    return select_sites(catalogue, tier=tier, cc="DE", consent_level=3, families=(4, 6), seed=7,
                        in_proportion=in_proportion)


def roles(found: Selection) -> tuple[int, int]:
    """How many controls, and how many others."""
    rows = [e for site in found.sites for e in site.endpoints]
    return sum(e.role == "control" for e in rows), sum(e.role != "control" for e in rows)


@pytest.mark.parametrize("number", [1, 3, 12])
def test_a_short_list_is_measured_beside_no_more_controls_than_targets(number: int, tmp_path: Path) -> None:
    catalogue = of_list(tmp_path, *(f"https://site{n}.example/" for n in range(number)))
    found = select(catalogue)
    assert roles(found) == (number, number)
    assert not any(e.protocol in DATAGRAMS for site in found.sites for e in site.endpoints)
    assert not any(e.role == "control" for e, _ in found.skipped.values())
    assert roles(select(catalogue, in_proportion=False))[0] > 12


def test_a_long_list_and_the_catalogue_keep_every_control(tmp_path: Path) -> None:
    long, whole = of_list(tmp_path, *(f"https://site{n}.example/" for n in range(64))), load_catalogue(None)
    for catalogue in (long, whole):
        assert select(catalogue) == select(catalogue, in_proportion=False)


def test_controls_alone_are_what_was_asked_for() -> None:
    assert roles(select(load_catalogue(None), tier=0)) == roles(select(load_catalogue(None), tier=0,
                                                                       in_proportion=False))


def test_a_short_list_of_datagrams_has_company(tmp_path: Path) -> None:
    whole = load_catalogue(None)
    (tmp_path / "own.csv").write_text("\n".join(
        line for n, line in enumerate(Path(whole.path).read_text().splitlines())
        if not n or "stun://stun.l.google.com:19302" in line) + "\n")
    found = select(load_catalogue(str(tmp_path / "own.csv")))
    assert [site.kind for site in found.sites].count("stun") == 1 + COMPANY["udp"]
