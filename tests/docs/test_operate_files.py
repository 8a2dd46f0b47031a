"""The files of docs/operate/ agree with the service and with one another."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import typer
from docs_pages import DOCS, ROOT
from operate_files import FOLDER, documents, let_in, seconds, size, stages, unit

from lsr.cli.root import app as commands
from lsr.service import ServiceSettings, create_app
from lsr.service.http.routes import endpoint_routes
from lsr.service.keys.roles import Role
from lsr.service.keys.store import KeyStore

ARGUMENTS, (BUILD, IMAGE) = stages()
[COMPOSE] = documents("compose.yaml")
[PROMETHEUS] = documents("prometheus.yml")
[ALERTS] = documents("alerts.yml")
KUBERNETES = {each["kind"]: each for each in documents("kubernetes.yaml")}
POD = KUBERNETES["StatefulSet"]["spec"]["template"]["spec"]
SERVER = COMPOSE["services"]["lsr"]
UNIT = unit()
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PAGE = (DOCS / "operate.md").read_text(encoding="utf-8")
CADDYFILE = (FOLDER / "Caddyfile").read_text(encoding="utf-8")
_NEVER_STARTED: Any = object()
_NOT_SETTINGS = {"LSR_CACHE_DIR"}


@pytest.fixture(scope="module")
def paths() -> set[str]:
    return {route.path for route in endpoint_routes(create_app(_NEVER_STARTED, ServiceSettings()))}


def settings_of(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> ServiceSettings:
    """As a server with these variables has them; each must be one of a setting."""
    for name in [name for name in os.environ if name.startswith("LSR_")]:
        monkeypatch.delenv(name)
    names = {f"LSR_{name.upper()}" for name in ServiceSettings.model_fields}
    for name, value in variables.items():
        if name.startswith("LSR_"):
            assert name in names | _NOT_SETTINGS
            monkeypatch.setenv(name, value)
    return ServiceSettings.from_env()


def command(words: Iterable[str]) -> dict[str, Any]:
    """The arguments of a call of `lsr`, as it reads them."""
    name, *rest = words
    group = typer.main.get_command(commands)
    context = group.make_context("lsr", [name, *rest])
    found = group.get_command(context, name)  # type: ignore[attr-defined]
    return dict(found.make_context(name, rest, parent=context).params)


# -- the image -------------------------------------------------------------------------------------------------------


def test_all_that_the_wheel_is_made_of_gets_into_the_build() -> None:
    given = set(let_in())
    assert [each for each in given if not (ROOT / each).exists()] == []
    project = PROJECT["project"]
    rooms = {"lsr"} | {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert given >= {"pyproject.toml", "setup.py", project["readme"], *project["license-files"], *rooms}
    for copied in BUILD.all("COPY"):
        *sources, _ = copied.split()
        assert all(source == "." or source in given for source in sources)


def test_the_image_is_made_of_what_was_built() -> None:
    built = " ".join(BUILD.all("RUN"))
    copied = [rest.split()[1:] for rest in IMAGE.all("COPY")]
    assert len(copied) == 2
    assert all(source == target and source in built for source, target in copied)
    cache = IMAGE.environment["LSR_CACHE_DIR"]
    assert f"LSR_CACHE_DIR={cache} /opt/lsr/bin/lsr warmup" in BUILD.all("RUN")
    assert IMAGE.environment["PATH"].startswith("/opt/lsr/bin:")
    extras = PROJECT["project"]["optional-dependencies"]
    chosen = set(ARGUMENTS["EXTRAS"].split(","))
    assert "service" in chosen and chosen <= set(extras)
    least = PROJECT["project"]["requires-python"].removeprefix(">=").split(".")
    assert ARGUMENTS["PYTHON"].split(".") >= least


def test_the_image_runs_as_one_user_that_is_not_root(monkeypatch: pytest.MonkeyPatch) -> None:
    user, group = IMAGE.all("USER")[-1].split(":")
    assert int(user) > 0 and int(group) > 0
    made = IMAGE.all("RUN")[0]
    assert f"--uid {user}" in made and f"--gid {group}" in made and f"--owner {user} --group {group}" in made
    security = POD["securityContext"]
    assert (security["runAsUser"], security["runAsGroup"], security["fsGroup"]) == (int(user), int(group), int(group))
    assert settings_of(IMAGE.environment, monkeypatch).log_format == "json"


def test_what_the_image_starts_is_a_command() -> None:
    assert IMAGE.words("ENTRYPOINT") == ["lsr"]
    given = command(IMAGE.words("CMD"))
    assert (str(given["index"]), given["host"]) == (IMAGE.all("VOLUME")[-1], "0.0.0.0")
    assert str(given["port"]) == IMAGE.all("EXPOSE")[-1]


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_the_health_check_asks_the_server(status: int, code: int, paths: set[str]) -> None:
    asked = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    _, option, check = IMAGE.words("HEALTHCHECK")
    port = IMAGE.all("EXPOSE")[-1]
    assert f", {port}, " in check
    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        there = check.replace(f", {port}, ", f", {server.server_port}, ")
        done = subprocess.run([sys.executable, option, there], capture_output=True, check=False)
    assert (done.returncode, asked) == (code, ["/healthz"]) and asked[0] in paths


# -- compose ---------------------------------------------------------------------------------------------------------


def test_the_settings_of_compose_suit_its_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {name: re.sub(r"\$\{LSR_DOMAIN\S.*?\}", "search.example.org", value) for name, value in environment()}
    settings = settings_of(variables, monkeypatch)
    assert settings.allow_hosts == ("search.example.org", "lsr")
    assert settings.search_threads == SERVER["cpus"]
    assert seconds(SERVER["stop_grace_period"]) > settings.shutdown_timeout
    assert SERVER["ulimits"]["nofile"] > settings.max_connections


def environment() -> list[tuple[str, str]]:
    return list(SERVER["environment"].items())


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_what_compose_runs_is_confined(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["read_only"] and service["cap_drop"] == ["ALL"] and service["mem_limit"]
    assert service["security_opt"] == ["no-new-privileges:true"] and service["restart"] == "unless-stopped"
    assert "ports" not in SERVER  # only by the proxy
    for volume in service["volumes"]:
        source = volume.split(":")[0]
        assert source in COMPOSE["volumes"] or (volume.endswith(":ro") and (FOLDER / source).is_file())


def test_compose_builds_and_mounts_what_the_dockerfile_says() -> None:
    build = SERVER["build"]
    assert (FOLDER / build["context"]).resolve() == ROOT
    assert (ROOT / build["dockerfile"]) == FOLDER / "Dockerfile"
    assert SERVER["volumes"] == [f"collections:{IMAGE.all('VOLUME')[-1]}"]


def test_proxy_and_prometheus_call_the_server(paths: set[str]) -> None:
    address = f"lsr:{IMAGE.all('EXPOSE')[-1]}"
    assert f"reverse_proxy {{$LSR_UPSTREAM:{address}}}" in CADDYFILE
    [scrape] = PROMETHEUS["scrape_configs"]
    assert scrape["static_configs"] == [{"targets": [address]}]
    assert scrape.get("metrics_path", "/metrics") in paths
    secret = Path(scrape["authorization"]["credentials_file"])
    assert secret.parent == Path("/run/secrets") and secret.name in COMPOSE["secrets"]
    assert COMPOSE["services"]["prometheus"]["secrets"] == [secret.name]
    assert [(FOLDER / name).is_file() for name in PROMETHEUS["rule_files"]] == [True]
    inside = re.search(r"@inside path (.*)", CADDYFILE)
    assert inside and inside[1].split()[0] in paths


# -- systemd and Kubernetes ------------------------------------------------------------------------------------------


def test_the_unit_starts_the_server_and_lets_it_finish(monkeypatch: pytest.MonkeyPatch) -> None:
    [start], [before], [variables] = UNIT["ExecStart"], UNIT["ExecStartPre"], UNIT["Environment"]
    program, *words = start.split()
    assert program == "/opt/lsr/bin/lsr" and before == f"{program} warmup"
    given = command(words)
    assert str(given["index"]) == f"/var/lib/{UNIT['StateDirectory'][0]}"
    assert str(given["config"].parent) == f"/etc/{UNIT['ConfigurationDirectory'][0]}"
    named = dict(each.split("=") for each in variables.split())
    assert named["LSR_CACHE_DIR"] == f"/var/cache/{UNIT['CacheDirectory'][0]}"
    settings = settings_of(named, monkeypatch)
    assert seconds(UNIT["TimeoutStopSec"][0]) > settings.shutdown_timeout
    assert int(UNIT["LimitNOFILE"][0]) > settings.max_connections
    assert UNIT["ProtectSystem"] == ["strict"] and UNIT["NoNewPrivileges"] == ["yes"]
    assert "MemoryDenyWriteExecute" not in UNIT


def test_the_pod_is_one_writer_and_is_watched(paths: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert KUBERNETES["StatefulSet"]["spec"]["replicas"] == 1
    [container] = POD["containers"]
    settings = settings_of({each["name"]: each["value"] for each in container["env"]}, monkeypatch)
    name, port = (container["ports"][0][key] for key in ("name", "containerPort"))
    assert str(port) == IMAGE.all("EXPOSE")[-1]
    assert KUBERNETES["Service"]["spec"]["ports"][0]["targetPort"] == name
    assert KUBERNETES["Service"]["metadata"]["name"] in settings.allow_hosts
    probes = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}
    assert all(probe["port"] == name and probe["path"] in paths for probe in probes.values())
    assert probes["readiness"]["path"] == "/readyz" and probes["liveness"]["path"] == "/healthz"
    waits = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    assert POD["terminationGracePeriodSeconds"] > waits + settings.shutdown_timeout
    assert settings.search_threads == int(container["resources"]["limits"]["cpu"])


def test_the_pod_keeps_its_collections_and_nothing_else() -> None:
    claims = [each["metadata"]["name"] for each in KUBERNETES["StatefulSet"]["spec"]["volumeClaimTemplates"]]
    there = {*claims, *(volume["name"] for volume in POD["volumes"])}
    for container in (*POD["containers"], *POD["initContainers"]):
        mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
        assert set(mounts) <= there and mounts["collections"] == IMAGE.all("VOLUME")[-1]
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_the_first_keys_of_a_pod_come_from_its_secret(tmp_path: Path) -> None:
    [script] = POD["initContainers"][0]["args"]
    mounts = {each["name"]: each["mountPath"] for each in POD["initContainers"][0]["volumeMounts"]}
    made, root = tmp_path / "made", tmp_path / "root"
    made.mkdir()
    root.mkdir()
    _, first = KeyStore(made).create(Role.ADMIN)
    there = script.replace(mounts["collections"], str(root)).replace(f" {mounts['keys']}/", f" {made}/.service/")
    subprocess.run(["sh", "-ec", there], check=True)
    assert [key.id for key in KeyStore(root).read()] == [first.id]
    assert (root / ".service").stat().st_mode & 0o777 == 0o700
    assert (root / ".service" / "keys.json").stat().st_mode & 0o777 == 0o600
    KeyStore(root).revoke(first.id)
    subprocess.run(["sh", "-ec", there], check=True)
    assert KeyStore(root).read()[0].revoked is not None


# -- alerts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_is_of_what_is_measured(rule: dict[str, Any], paths: set[str]) -> None:
    page = (DOCS / "metrics.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"`((?:lsr|process)_\w+)`", page))
    words = set(re.findall(r"\b(?:lsr|process)_\w+", rule["expr"])) | {"up"}
    of_histograms = {re.sub(r"_(bucket|sum|count)$", "", word) for word in words}
    assert of_histograms - {"up", "process_max_fds"} <= listed
    for label, _, value in re.findall(r'(\w+)(=~?)"([^"]*)"', rule["expr"]):
        if label == "reason":
            assert [each for each in value.split("|") if f"`{each}`" not in page] == []
        elif label == "route":
            found = {path for path in paths if re.fullmatch(value, path)}
            assert {"/v1/search", "/v1/collections/{collection}/search"} <= found
        else:
            assert (label, value) in {("job", "lsr"), ("status", "5.."), ("method", "GET|POST")}


def test_thresholds_are_those_of_the_limits() -> None:
    expressions = {rule["alert"]: rule["expr"] for rule in RULES}
    limits = {size(given) for given in (SERVER["mem_limit"], UNIT["MemoryMax"][0], memory_of_the_pod())}
    assert limits == {4 << 30} and expressions["LsrMemory"].endswith("> 0.85 * 4 * 1024 * 1024 * 1024")
    settings = ServiceSettings()
    assert expressions["LsrQueue"].endswith(f"> {settings.queue // 2}")
    assert expressions["LsrConnections"].endswith(f"> 0.9 * {settings.max_connections}")


def memory_of_the_pod() -> str:
    limit: str = POD["containers"][0]["resources"]["limits"]["memory"]
    return limit


def test_every_alert_was_made_to_fire() -> None:
    fired = (Path(__file__).with_name("alerts_fire.yml")).read_text(encoding="utf-8")
    assert set(re.findall(r'alertname="(\w+)"', fired)) == {rule["alert"] for rule in RULES}


def test_every_alert_is_answered_on_the_page() -> None:
    assert set(re.findall(r"^\| `(Lsr\w+)` \|", PAGE, re.MULTILINE)) == {rule["alert"] for rule in RULES}


def test_its_numbers_are_those_of_the_pages_it_names() -> None:
    rows = re.findall(r"^\| .*? \| ([\d., µsMB]+) \| \[\w+\]\((numbers/\w+\.md)", PAGE, re.MULTILINE)
    assert len(rows) == 10
    for measured, page in rows:
        listed = set(re.findall(r"[\d.,]*\d", (DOCS / page).read_text(encoding="utf-8")))
        assert set(re.findall(r"[\d.,]*\d", measured)) <= listed, (measured, page)


# -- by the programs that read them, where they are there ------------------------------------------------------------


def run_if_there(program: str, *arguments: str, **variables: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"there is no {program}")
    done = subprocess.run(
        [program, *arguments], capture_output=True, text=True, env={**os.environ, **variables}, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.process
def test_systemd_reads_the_unit(tmp_path: Path) -> None:
    copy = tmp_path / "lsr.service"
    text = (FOLDER / "lsr.service").read_text(encoding="utf-8")
    copy.write_text(text.replace("/opt/lsr/bin/lsr", sys.executable), encoding="utf-8")
    run_if_there("systemd-analyze", "verify", str(copy))


@pytest.mark.process
def test_caddy_reads_its_file(tmp_path: Path) -> None:
    arguments = ("validate", "--config", str(FOLDER / "Caddyfile"), "--adapter", "caddyfile")
    run_if_there("caddy", *arguments, LSR_DOMAIN="search.example.org", HOME=str(tmp_path))


@pytest.mark.process
def test_prometheus_fires_each_alert() -> None:
    run_if_there("promtool", "test", "rules", str(Path(__file__).with_name("alerts_fire.yml")))
