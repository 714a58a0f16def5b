"""Shapes of a ClientHello: what a box on the way could act on besides the name, one property changed at a time; and the
shapes that people's programs give it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from probe.core.tables.table_file import read_table

ProgramShape = Literal["chrome", "firefox", "conscrypt", "conscrypt_large", "openssl", "openssl_small", "safari"]
"""As programs that people use build it (`probe.catalogue.programs`)."""
ShapeName = Literal["browser", "small", "narrow", "split", "large", "ech", ProgramShape]
ShapeWord = ShapeName | Literal["library"]
"""In a verdict's list of shapes the library's own hello has a name as well."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One shape: what it is, from which level of consent on it is sent, and whether it is another fingerprint."""

    name: ShapeName
    meaning: str
    consent_level: int
    differs: bool
    """It differs from the library's hello in what it holds, not only in how it is sent: its passing tells of shape."""
    of_program: bool = False
    """It is some program's, and is sent though the library's own has passed."""


SHAPES: dict[ShapeName, Shape] = {
    shape.name: shape for shape in read_table(Path(__file__).with_name("shapes.csv"), Shape)
}
"""In the order in which they are tried. The library's own hello has no name here: it is the empty one."""

PLAIN: tuple[ShapeName, ...] = tuple(name for name, shape in SHAPES.items()
                                     if shape.differs and name != "ech" and not shape.of_program)
"""Shapes that hide nothing: what they are answered is told by their build alone."""
