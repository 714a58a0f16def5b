"""The volunteer's own machine and what re-signs its connections: seen by programs that run there."""

from __future__ import annotations

import ssl

import pytest

from lab_fidelity import Watched, Watching
from lab_innocents import ask, fetch, innocents, python

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(200)]


ROOTS = """
import json, ssl, certifi
system, bundled = ssl.create_default_context(), ssl.create_default_context(cafile=certifi.where())
print(json.dumps([len(context.get_ca_certs()) for context in (system, bundled)]))
"""


@pytest.mark.parametrize(("name", "trusted"), [("antivirus", False), ("root-installed-intercepting", True)])
def test_every_connection_is_re_signed(watch: Watching, name: str, trusted: bool) -> None:
    w = watch(name)
    web = [place for place in innocents(w) if place.port == 443]
    seen = [fetch(w, place) for place in (w.target("t"), *web[:2])]
    assert len({one["issuer"] for one in seen}) == 1, "one authority signs for all"
    judged = {trust: fetch(w, w.target("t"), trust=trust)["failure"] for trust in ("system", "certifi")}
    assert judged["certifi"].startswith("certificate ")
    if ssl.get_default_verify_paths().cafile:  # else this machine has no store that could be covered
        assert judged["system"].startswith("certificate ") != trusted  # a server of TLS alone serves no page
        assert judged["system"] in ("", "timeout") or not trusted


def test_a_root_may_be_installed_and_idle(watch: Watching) -> None:
    w = watch("root-installed")
    place = next(place for place in innocents(w) if place.trust == "web_pki")  # others have authorities of their own
    for trust in ("system", "certifi"):
        assert fetch(w, place, trust=trust)["failure"] == ""
    system, bundled = python(w, ROOTS)
    assert system == bundled + 1 or not ssl.get_default_verify_paths().cafile


def test_a_company_s_proxy_exempts_some_names(watch: Watching) -> None:
    w = watch("company-proxy")
    exempt = fetch(w, next(place for place in innocents(w) if place.port == 443))
    resigned = fetch(w, w.target("t"))
    assert resigned["failure"] in ("", "timeout"), "a server of TLS alone serves no page"
    assert resigned["issuer"] != exempt["issuer"]
    assert fetch(w, w.target("t"), trust="certifi")["failure"].startswith("certificate ")


def _tunnel(w: Watched) -> str:
    names: list[str] = python(w, "import json, os; print(json.dumps(os.listdir('/sys/class/net')))")
    return next((name for name in names if name.startswith(("tun", "wg"))), "")


ROUTES = "import json; print(json.dumps([l.split()[:2] for l in open('/proc/net/route').read().splitlines()[1:]]))"


def test_everything_goes_through_a_tunnel(watch: Watching) -> None:
    w = watch("vpn")
    tunnel = _tunnel(w)
    assert tunnel
    assert [tunnel, "00000000"] in python(w, ROUTES)
    assert w.tls(w.innocent()).failure == ""


def test_a_part_goes_through_a_tunnel(watch: Watching) -> None:
    w = watch("split-tunnel")
    tunnel = _tunnel(w)
    routes = python(w, ROUTES)
    assert [tunnel, "00000000"] not in routes
    assert len([route for route in routes if route[0] == tunnel]) > 1
    assert w.tls(w.innocent()).failure == ""


def test_variables_lead_to_a_dead_proxy(watch: Watching) -> None:
    w = watch("proxy-environment")
    code = "import json, os; print(json.dumps([os.environ.get(n) for n in ('HTTPS_PROXY', 'REQUESTS_CA_BUNDLE')]))"
    proxy, bundle = python(w, code)
    host, _, port = proxy.rpartition("/")[2].partition(":")
    assert w.connect(host, port=int(port)).failure == "ECONNREFUSED"
    assert python(w, f"import json, os; print(json.dumps(os.path.exists({bundle!r})))") is False


def test_a_forwarder_answers_on_the_device(watch: Watching) -> None:
    w = watch("stub-resolver")
    place = w.innocent()
    found = ask(w, place.host)
    assert found["server"] == "127.0.0.53"
    assert set(found["addresses"]) <= set(place.addresses)
    assert found["addresses"]
