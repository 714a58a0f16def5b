"""A question to a test helper, as the probe puts it; prints what the probe reads of the answer, as JSON.

Arguments: the helper's URL, its address, and the input of an endpoint of the catalogue. Printed: `state`, `reason`,
`http` (a failure, empty, or null where nothing is told) and lists of failures of `tcp` and `tls`.
"""

from __future__ import annotations

import json
import sys
import time

from probe.catalogue.load import load_catalogue
from probe.controls.asking.helper_client import HelperConfig, ask_helper


def main(url: str, address: str, wanted: str) -> None:
    """Ask, and print."""
    of = next(e for e in load_catalogue(search=False).endpoints if e.input == wanted)
    told = ask_helper(HelperConfig(control_id="a", url=url, address=address), of, (), timeout_s=20.0,
                      clock=time.monotonic)
    print(json.dumps({"state": told.state, "reason": told.reason, "http": told.http_failure,
                      "tcp": [failure for _, failure in told.tcp], "tls": [failure for _, failure in told.tls]}))


if __name__ == "__main__":
    main(*sys.argv[1:])
