"""Real programs in the laboratory: servers that others wrote answer there, and their clients are content with ours."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab_warm import forked
from probe.catalogue.load import load_catalogue
from probe.core.endpoints import Endpoint
from probe.core.tables.resolvers import PUBLIC_RESOLVERS
from probe_lab.lab_types import DrawnScenario, Fault, World
from probe_lab.laboratory import Laboratory, make_probe_command
from probe_lab.pki import issue, load_issuer, world_time
from probe_lab.scoring.trial import configuration, program_environment, read_rows
from probe_lab.world import FIXED_ANSWERS, draw_world

pytestmark = [pytest.mark.slow, pytest.mark.lab]

CATALOGUE = load_catalogue(search=False)
ROWS = CATALOGUE.endpoints
PATIENCE_S = 120


def needs(program: str) -> pytest.MarkDecorator:
    """Skips a test where a program is not installed."""
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin:/usr/local/sbin")
    return pytest.mark.skipif(not found, reason=f"{program} is not installed")


def scene(seed: int, *faults: Fault) -> DrawnScenario:
    """A world without a censor."""
    world = draw_world(seed=seed, endpoints=ROWS, rtt_ms=(20, 20))
    return DrawnScenario(
        name="test", title="", kind="innocent", seed=seed, world=world, rules=(), faults=faults, expects=(), aliases={},
        targets=(),
    )


def output(lab: Laboratory, *argv: str) -> str:
    """What a program on the client's side prints, both ways; it must succeed."""
    done = lab.run(argv, timeout_s=PATIENCE_S, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, (argv, done.stdout[-2000:], done.stderr[-2000:])
    return (done.stdout + done.stderr).decode()


@contextmanager
def serving(lab: Laboratory, argv: Sequence[str], *, says: bytes) -> Iterator[None]:
    """A server of the world beside the laboratory's own, up when its log says so."""
    program = shutil.which(argv[0]) or shutil.which(argv[0], path="/usr/sbin:/sbin:/usr/local/sbin")
    assert program
    with lab.start([program, *argv[1:]], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, host="servers") as process:
        assert process.stderr is not None
        try:
            said = []
            while line := process.stderr.readline():
                said.append(line)
                if says in line:
                    break
            else:
                pytest.fail(f"{argv[0]} ended: {b''.join(said)[-2000:]!r}")
            yield
            assert process.poll() is None, f"{argv[0]} ended early"
        finally:
            process.send_signal(signal.SIGTERM)
            process.stderr.read()


def probe_verdicts(lab: Laboratory, inputs: Sequence[str]) -> dict[str, str]:
    """What the probe says of these inputs: input -> outcome and block type."""
    config, results = lab.directory / "probe.toml", lab.directory / "results"
    config.write_text(configuration(lab.drawn.world, helpers=True))
    command = [
        *make_probe_command(), "run", "--fast", "--no-parquet", "--config", str(config), "--results", str(results),
        "--catalogue", CATALOGUE.path, "--seed", str(lab.drawn.seed), "--deadline-s", "60",
        *(part for url in inputs for part in ("--input", url)),
    ]
    done = lab.run(command, env=program_environment(), timeout_s=PATIENCE_S)
    rows = read_rows(results, "verdicts")
    assert rows, done.stderr[-2000:]
    return {row["input"]: f"{row['outcome']} {row['block_type']}".strip() for row in rows}


def simple_pages() -> list[Endpoint]:
    """Rows of which nothing is expected but an answer that an ordinary web server gives."""
    return [
        item for item in ROWS
        if item.protocol == "http" and item.port == 443 and item.trust == "web_pki" and item.status == "active"
        and not (item.address or item.alpn or "{" in item.input or "?" in item.input)
        and not (item.expect.body or item.expect.json or item.expect.header or item.expect.location)
        and (not item.expect.status or "200" in item.expect.status)
    ]


UNBOUND = """
server:
    interface: {address}@53
    outgoing-interface: {address}
    access-control: 0.0.0.0/0 allow
    do-ip6: no
    do-daemonize: no
    use-syslog: no
    logfile: ""
    verbosity: 1
    username: ""
    chroot: ""
    pidfile: ""
    directory: "{directory}"
    module-config: "iterator"
    num-threads: 1
remote-control:
    control-enable: no
forward-zone:
    name: "."
    forward-addr: {upstream}
"""


@contextmanager
def unbound_lab(seed: int, tmp_path: Path, *, upstream: str = "8.8.8.8") -> Iterator[Laboratory]:
    """A laboratory in which the network's resolver is a real one."""
    drawn = scene(seed, Fault(kind="resolver_dead", params={"refuse": True}))
    config = tmp_path / "unbound.conf"
    config.write_text(UNBOUND.format(address=drawn.world.resolver, directory=tmp_path, upstream=upstream))
    with (
        forked(drawn) as lab,
        serving(lab, ["unbound", "-d", "-p", "-c", str(config)], says=b"start of service"),
    ):
        yield lab


def living(world: World) -> list[str]:
    return sorted(set(world.hosts) - set(FIXED_ANSWERS) - {f"{v.control_id}.lab.example" for v in world.vantages})


@needs("unbound")
@needs("dig")
def test_a_real_resolver_finds_every_name_of_the_world(seed: int, tmp_path: Path) -> None:
    with unbound_lab(seed, tmp_path) as lab:
        world = lab.drawn.world
        names = living(world)
        questions = lab.directory / "questions"
        questions.write_text("".join(f"{name} {kind}\n" for name in names for kind in ("A", "AAAA")))
        told: dict[str, set[str]] = {}
        said = output(lab, "dig", "-f", str(questions), "+noall", "+question", "+answer", "+tries=5", "+time=5")
        asked = ""
        for words in (line.split() for line in said.splitlines()):
            if words and words[0].startswith(";") and words[-2:-1] == ["IN"]:
                asked = words[0].lstrip(";").rstrip(".").lower()
            elif len(words) == 5 and words[3] in ("A", "AAAA"):
                told.setdefault(asked, set()).add(words[4])
        wrong = [name for name in names if told.get(name, set()) != {*world.hosts[name].ipv4, *world.hosts[name].ipv6}]
        assert len(names) > 300
        assert not wrong, [(name, told.get(name), world.hosts[name]) for name in wrong[:5]]
        assert "status: NXDOMAIN" in output(lab, "dig", "no-such-name-at-all.com")
        assert "status: NOERROR" in output(lab, "dig", "+tcp", names[0])


@needs("unbound")
def test_the_probe_is_content_with_a_real_resolver(seed: int, tmp_path: Path) -> None:
    inputs = [item.input for item in random.Random(seed).sample(simple_pages(), 5)]
    with unbound_lab(seed, tmp_path) as lab:
        assert probe_verdicts(lab, inputs) == dict.fromkeys(inputs, "ok")


@needs("unbound")
@needs("dig")
def test_a_real_resolver_forwards_over_our_tls(seed: int, tmp_path: Path) -> None:
    drawn = scene(seed, Fault(kind="resolver_dead", params={"refuse": True}))
    name = "web.telegram.org"
    with forked(drawn, helpers=False) as lab:
        config = tmp_path / "unbound.conf"
        upstream = "9.9.9.9@853#dns.quad9.net\n    forward-tls-upstream: yes"
        trusted = f'server:\n    tls-cert-bundle: "{lab.log_path.parent / "pki" / "ca.pem"}"\n'
        config.write_text(trusted + UNBOUND.format(address=drawn.world.resolver, directory=tmp_path, upstream=upstream))
        with serving(lab, ["unbound", "-d", "-p", "-c", str(config)], says=b"start of service"):
            told = set(output(lab, "dig", "+short", name).split())
            assert told & {*drawn.world.hosts[name].ipv4}


NGINX = """
daemon off;
master_process off;
user root;
pid "{directory}/nginx.pid";
error_log stderr notice;
events {{ worker_connections 256; }}
http {{
    access_log off;
    server_tokens off;
    default_type text/html;
    client_body_temp_path "{directory}/body";
    proxy_temp_path "{directory}/proxy";
    fastcgi_temp_path "{directory}/fastcgi";
    uwsgi_temp_path "{directory}/uwsgi";
    scgi_temp_path "{directory}/scgi";
    server {{
{listens}
        server_name {name};
        ssl_certificate "{directory}/leaf.pem";
        ssl_certificate_key "{directory}/leaf.pem";
        root "{directory}/pages";
        location / {{ try_files $uri /index.html; }}
    }}
}}
"""


@contextmanager
def nginx_lab(seed: int, name: str, directory: Path) -> Iterator[Laboratory]:
    """A laboratory in which a real web server serves a host's HTTPS, on all its addresses."""
    drawn = scene(seed, Fault(kind="closed", match=(name,), params={"port": 443}))
    plan = drawn.world.hosts[name]
    listens = [f"        listen {address}:443 ssl http2;" for address in plan.ipv4]
    listens += [f"        listen [{address}]:443 ssl http2;" for address in plan.ipv6]
    with forked(drawn) as lab:
        pki = lab.log_path.parent / "pki"
        leaf = issue(load_issuer(pki / "ca.pem", pki / "ca.key"), names=(name,), now=world_time(0))
        (directory / "leaf.pem").write_bytes(leaf)
        config = directory / "nginx.conf"
        config.write_text(NGINX.format(directory=directory, listens="\n".join(listens), name=name))
        (directory / "pages").mkdir()
        page = f"<!doctype html><html><head><title>{name}</title></head><body>{'All is well. ' * 400}</body></html>"
        (directory / "pages" / "index.html").write_text(page)
        argv = ["nginx", "-e", "stderr", "-p", str(directory), "-c", str(config)]
        with serving(lab, argv, says=b"using the"):
            yield lab


@needs("nginx")
def test_the_probe_is_content_with_a_real_web_server(seed: int, tmp_path: Path) -> None:
    item = random.Random(seed).choice(simple_pages())
    with nginx_lab(seed, item.host, tmp_path) as lab:
        verdicts = probe_verdicts(lab, [item.input])
        assert verdicts == {item.input: "ok"}


@needs("nginx")
@needs("curl")
def test_curl_speaks_http2_with_a_real_web_server(seed: int, tmp_path: Path) -> None:
    name = "web.telegram.org"
    with nginx_lab(seed, name, tmp_path) as lab:
        assert curl(lab, f"https://{name}/", "--http2", "--retry", "3", "--retry-connrefused") == ("2", "200", "0")


def curl(lab: Laboratory, url: str, *options: str) -> tuple[str, ...]:
    """HTTP version, status, and result of the verification."""
    wanted = "\\n%{http_version} %{http_code} %{ssl_verify_result}"
    return tuple(output(lab, "curl", "-sS", "-w", wanted, *options, url).splitlines()[-1].split())


@needs("curl")
def test_curl_is_content_with_our_web_servers(seed: int) -> None:
    rng = random.Random(seed)
    with forked(scene(seed), helpers=False) as lab:
        for item in rng.sample(simple_pages(), 6):
            for family in ("-4", "-6") if lab.drawn.world.hosts[item.host].ipv6 else ("-4",):
                version, status, verified = curl(lab, item.input, "--http2", family)
                assert (version, verified) == ("1.1", "0"), item.input
                assert not item.expect.status or status in item.expect.status
        h2 = next(item for item in ROWS if item.alpn == ("h2",) and item.trust != "signal_root" and item.port == 443)
        assert curl(lab, f"https://{h2.host}/", "--http2") == ("2", "404", "0")
        doh = next(operator for operator in PUBLIC_RESOLVERS if operator.doh_host)
        asked = random.Random(seed).choice(simple_pages())
        found = curl(lab, asked.input, "--doh-url", f"https://{doh.doh_host}{doh.doh_path}", "--http1.1")
        assert found[2] == "0"


@needs("openssl")
def test_openssl_is_content_with_our_certificates(seed: int) -> None:
    rng = random.Random(seed)
    web = [(item.host, item.port) for item in rng.sample(simple_pages(), 4)]
    with forked(scene(seed), helpers=False) as lab:
        asked = [(lab.drawn.world.hosts[name].ipv4[0], port, name) for name, port in web]
        asked += [("1.1.1.1", 853, "one.one.one.one"), ("9.9.9.9", 853, "dns.quad9.net")]
        for address, port, name in asked:
            said = output(
                lab, "openssl", "s_client", "-connect", f"{address}:{port}", "-servername", name, "-verify_hostname",
                name, "-verify_return_error", "-brief",
            )
            assert "Verification: OK" in said, said


@needs("dig")
def test_dig_and_our_name_servers_agree(seed: int) -> None:
    rng = random.Random(seed)
    with forked(scene(seed), helpers=False) as lab:
        world = lab.drawn.world
        for name in rng.sample(living(world), 4):
            for server in (world.resolver, "8.8.8.8", "1.1.1.1"):
                for transport in ("+notcp", "+tcp"):
                    told = output(lab, "dig", transport, "+noall", "+answer", "+comments", f"@{server}", name)
                    assert "status: NOERROR" in told
                    assert all(address in told for address in world.hosts[name].ipv4)
                    assert "WARNING" not in told
        version = output(lab, "dig", "-v").rpartition("DiG ")[2].split(".")
        if (int(version[0]), int(version[1])) >= (9, 18):
            told = output(lab, "dig", "+tls", "+tls-ca", "+tls-hostname=dns.google", "+short", "@8.8.8.8", name)
            assert set(world.hosts[name].ipv4) <= set(told.split())
        told = output(lab, "dig", "+norecurse", "+noall", "+comments", "+authority", "@198.41.0.4", name)
        assert "status: NOERROR" in told
        assert "NS" in told
