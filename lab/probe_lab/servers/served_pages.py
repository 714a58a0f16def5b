"""Made-up web pages: a title, some structure, and enough words to have a realistic length."""

from __future__ import annotations

import html
import random
from functools import cache

_WORDS = (
    "account answer archive call channel chat community contact conversation country device download family "
    "feature friend group help language letter link media meeting message mobile network notice office people "
    "photo phone picture privacy product profile question reply security sign sticker story support team video"
)

_BLOCK_PAGES = (
    ("Access restricted", "Access to this resource is restricted by decision of the competent authorities."),
    ("Доступ ограничен", "Доступ к информационному ресурсу ограничен на основании федерального закона."),  # noqa: RUF001
    ("Erişim engellendi", "Bu internet sitesine erişim idari tedbir kararıyla engellenmiştir."),  # noqa: RUF001
    ("Dear user", "The site that you requested has been found unsuitable. Please contact your service provider."),
)


@cache
def _paragraphs() -> tuple[str, ...]:
    """Those of all pages: each page has its own in its own order."""
    rng, words = random.Random("paragraphs"), _WORDS.split()
    return tuple(f"<p>{' '.join(rng.choices(words, k=rng.randint(8, 60))).capitalize()}.</p>\n" for _ in range(200))


def page(rng: random.Random, *, title: str, size: int) -> str:
    """An HTML page of about `size` characters whose title is `title`, markup in which is shown as text."""
    shown = html.escape(title, quote=False)
    parts = [
        f'<!doctype html>\n<html><head><meta charset="utf-8"><title>{shown}</title>\n',
        f'<link rel="stylesheet" href="/style.{rng.getrandbits(24):06x}.css"></head>\n<body><h1>{shown}</h1>\n',
    ]
    paragraphs, length = _paragraphs(), sum(map(len, parts))
    while length < size:
        parts.append(rng.choice(paragraphs))
        length += len(parts[-1])
    return "".join([*parts, "</body></html>\n"])


def block_page(seed: int) -> str:
    """The page that a filter shows in place of the service: short, official, the same for every name."""
    rng = random.Random(f"{seed}:block page")
    title, sentence = rng.choice(_BLOCK_PAGES)
    return (
        f'<html><head><meta charset="utf-8"><title>{title}</title></head>'
        f'<body><center><h2>{title}</h2><p>{sentence}</p><p>No. {rng.randint(10000, 99999)}</p></center></body></html>'
    )


def portal_name(seed: int) -> str:
    """The host of the page to which a captive portal, or an operator whose customer owes it something, leads."""
    rng = random.Random(f"{seed}:portal")
    return f"login.{rng.choice(('hotel', 'airport', 'campus', 'cafe'))}{rng.randint(10, 99)}.example"
