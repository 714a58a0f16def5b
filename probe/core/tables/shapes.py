"""Shapes of a ClientHello: what a box on the way could act on besides the name, one property changed at a time; and the
shapes that people's programs give it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
    shape.name: shape for shape in (
        Shape("browser", "ciphers, extensions, GREASE and key share as a mainstream browser sends them", 1, True),
        Shape("small", "the fewest extensions that a server needs, a third of a segment", 1, True),
        Shape("narrow", "the library's own hello, with segments of 536 bytes at most both ways", 1, False),
        Shape("split", "the library's own hello in two segments, cut inside the server name", 3, False),
        Shape("large", "the browser's with a post-quantum key share (X25519MLKEM768): more than one segment", 3, True),
        Shape("ech", "the browser's with encrypted_client_hello, GREASE inside (RFC 9849 section 6.2)", 3, True),
        Shape("chrome", "Chrome's, and of apps that are built on it, such as Signal's and Discord's for desktops", 1,
              True, of_program=True),
        Shape("firefox", "Firefox's", 1, True, of_program=True),
        Shape("conscrypt", "of Android apps that use the system's library, by OkHttp", 1, True, of_program=True),
        Shape("conscrypt_large", "the same since Conscrypt 2.7, with a post-quantum key share", 1, True,
              of_program=True),
        Shape("openssl", "of programs on OpenSSL 3.5, with its default settings", 1, True, of_program=True),
        Shape("openssl_small", "of programs on OpenSSL 3.0, without a post-quantum key share", 1, True,
              of_program=True),
        Shape("safari", "Safari's, and of apps for iOS and macOS that use the system's library", 1, True,
              of_program=True),
    )
}
"""In the order in which they are tried. The library's own hello has no name here: it is the empty one."""

PLAIN: tuple[ShapeName, ...] = tuple(name for name, shape in SHAPES.items()
                                     if shape.differs and name != "ech" and not shape.of_program)
"""Shapes that hide nothing: what they are answered is told by their build alone."""
