"""The sheet for volunteers as a page with a QR code, and as plain text. Pure but for loading what draws the code."""

from __future__ import annotations

from html import escape

from probe.config.consent.operator_sheet import OperatorSheet, describe_sheet
from probe.core.languages import SOURCE
from probe.core.translation import speak

_PAGE = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Measure which messengers work</title>
<style>body{{font:1rem/1.5 sans-serif;max-width:42rem;margin:2rem auto;padding:0 1rem}}pre{{white-space:pre-wrap;\
overflow-wrap:anywhere;background:#f2f2f2;padding:.6rem}}svg{{width:100%;max-width:20rem;height:auto}}</style></head>
<body><h1>Measure which messengers work</h1>
<p><strong>Read before you begin.</strong> The program tries to reach messengers from your line, and your provider can
see that. In some countries this may have consequences. The program tells you more, and asks, before it does anything.
You can stop at any time: <code>probe uninstall</code>.</p>
<h2>What this sheet sets</h2>
<pre>{lines}</pre>
<h2>How</h2>
<ol><li>Install the program, from where the people named above tell you to</li>
<li>Give it this sheet: <pre>probe setup --from '{link}'</pre></li>
<li>Look first, then measure: <code>probe run --dry-run</code>, <code>probe run --fast</code>,
<code>probe install systemd</code></li></ol>
{code}
<p>The code and the link hold the same: addresses and public keys of the services above, and nothing about you. Nothing
behind the # of the link is sent to anybody.</p>
</body></html>
"""


def make_page(sheet: OperatorSheet, link: str) -> str:
    """One HTML file without scripts."""
    return _PAGE.format(lines=escape(_describe(sheet)), link=escape(link), code=_draw(link))


def make_text(sheet: OperatorSheet, link: str) -> str:
    """The same in plain text."""
    return f"{_describe(sheet)}\n\nInstall the program, from where the people named above tell you to. Then:\n" \
           f"  probe setup --from '{link}'\n"


def _describe(sheet: OperatorSheet) -> str:
    """In English, as all of the page is, whatever the operator reads."""
    with speak(SOURCE):
        return "\n".join(describe_sheet(sheet))


def _draw(link: str) -> str:
    import segno

    drawn: str = segno.make(link, error="l", micro=False).svg_inline(scale=4, border=4, title="Link of this sheet")
    return drawn
