"""What application stores answer about their applications: to lookups by number, and on the page of one package.

From Apple's description of the lookup call, and from what programs that read the pages of Google Play look for: the
data block `ds:5`, in which [1][2][18][0] tells whether the application can be installed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

LOOKUP_HOST, LOOKUP_PATH = "itunes.apple.com", "/lookup"
DETAILS_HOST, DETAILS_PATH = "play.google.com", "/store/apps/details"
_MOST_IDS = 200
_AVAILABLE_AT = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A body and what is said about it."""

    content_type: str
    body: bytes
    encoding: str = ""
    """Content-Encoding that the body already has; empty: none."""


Query = Mapping[str, list[str]]
OnSale = Callable[[str, str], bool]
"""Whether a store has (application, storefront in small letters)."""


def json_document(value: object) -> Document:
    """A JSON body."""
    return Document(content_type="application/json; charset=utf-8", body=json.dumps(value).encode())


def everything(app: str, storefront: str) -> bool:
    """A store that has all that anybody asks for."""
    return True


def app_store_lookup(query: Query, on_sale: OnSale = everything) -> Document:
    """The App Store's answer to a lookup: the applications it has of those that were asked for, in any order."""
    country = query.get("country", ["us"])[0].lower()
    numbers = [text for text in query.get("id", ["0"])[0].split(",")[:_MOST_IDS] if text.isdecimal()]
    results = [_entry(number, country) for number in dict.fromkeys(numbers) if on_sale(number, country)]
    return json_document({"resultCount": len(results), "results": results})


def _entry(number: str, country: str) -> dict[str, object]:
    return {
        "wrapperType": "software",
        "kind": "software",
        "trackId": int(number),
        "bundleId": f"app.n{number}",
        "trackName": f"Application {number}",
        "trackViewUrl": f"https://apps.apple.com/{country}/app/id{number}?uo=4",
        "price": 0.0,
        "description": "A messenger for everybody. " * 60,
    }


def play_details(query: Query, on_sale: OnSale = everything) -> Document:
    """Google Play's page of one package; where it is not on sale in the storefront, one without a way to install it."""
    package = query.get("id", [""])[0]
    available = on_sale(package, query.get("gl", ["US"])[0].lower())
    url = f"https://play.google.com/store/apps/details?id={package}"
    inner: list[object] = [[package, 7], *([None] * (_AVAILABLE_AT - 1)), [int(available)]]
    data = json.dumps([['a " bracket ]'], [None, [], inner]])
    block = f"{{key: 'ds:5', hash: '9', data:{data}, sideChannel: {{}}}}"
    script = f'<script nonce="x">AF_initDataCallback({block});</script>'
    page = (
        f'<!doctype html><html lang="en"><head><base href="https://play.google.com/"><title>{package} - Apps on '
        f'Google Play</title><link rel="canonical" href="{url}"><meta property="og:url" content="{url}&amp;hl=en">'
        f"</head><body><h1>{package}</h1>{'<p>What other people say about this application.</p>' * 300}"
        f"{script}</body></html>"
    )
    return Document(content_type="text/html; charset=utf-8", body=page.encode())


NOT_FOUND = (
    '<!doctype html><html lang="en"><head><title>Not Found</title></head><body><div>We&#39;re sorry, the requested URL '
    "was not found on this server.</div></body></html>"
)
"""Google Play's page about a package that it does not have in a storefront, or at all; with status 404."""
