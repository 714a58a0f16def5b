"""Writes a software bill of materials (CycloneDX 1.6, JSON) of one of our distributions: `DISTRIBUTION FILE [VERSION]`.

It names what a base installation takes, in the versions that the tests run with, with licences and the hashes of
their files. The same tree gives the same bytes. `make dist` calls it.
"""

from __future__ import annotations

import json
import sys
import uuid
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hashes import read_hashed
from licences import PAGE, read_page
from lock import needed, plain

ROOT = Path(__file__).resolve().parent.parent
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://cyclonedx.org/")


def make_sbom(name: str, number: str = "") -> dict[str, Any]:
    """The document; `number`: the version, where the installed one is another. Raises KeyError for an unpinned need."""
    hashed = {plain(one): entry for one, entry in
              read_hashed((ROOT / "requirements" / "ci-hashed.txt").read_text(encoding="utf-8")).items()}
    licences = {plain(one): text for one, text in read_page(PAGE.read_text(encoding="utf-8")).items()}
    needs = sorted(map(plain, needed({name: ()})))
    own = {"type": "application", "bom-ref": name, "name": name, "version": number or version(name),
           "licenses": [{"expression": "BSD-3-Clause"}]}
    components = [_component(one, hashed[one], licences[one]) for one in needs]
    serial = uuid.uuid5(_NAMESPACE, json.dumps([own, components], sort_keys=True))
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json", "bomFormat": "CycloneDX", "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}", "version": 1, "metadata": {"component": own}, "components": components,
        "dependencies": [{"ref": name, "dependsOn": [one["bom-ref"] for one in components]}],
    }


def _component(name: str, entry: tuple[str, tuple[str, ...]], licence: str) -> dict[str, Any]:
    number, digests = entry
    url = f"pkg:pypi/{name}@{number}"
    files = [{"type": "distribution", "url": f"https://pypi.org/project/{name}/{number}/",
              "hashes": [{"alg": "SHA-256", "content": digest}]} for digest in digests]
    return {"type": "library", "bom-ref": url, "name": name, "version": number, "purl": url,
            "licenses": [{"expression": licence}], "externalReferences": files}


def main(name: str, file: str, number: str = "") -> int:
    """Write it; returns the exit status."""
    Path(file).write_text(json.dumps(make_sbom(name, number), indent=1) + "\n", encoding="utf-8")
    print(f"wrote {file}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
