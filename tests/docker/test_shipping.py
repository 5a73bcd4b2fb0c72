"""Consistency of the shipped files with each other and with the program: paths, ports, users, options, times."""

import configparser
import json
import subprocess
import sys

import pytest
import yaml

from bridge.config import load_settings
from bridge.mapping.loading.mapping_loader import load_folder
from bridge.tools.demo.example_mappings import EXAMPLES
from bridge.tools.demo.simulator import STREAMS
from tests.harness.bridge_process import ROOT

DOCKER = ROOT / "docker"
COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text())
MANIFESTS = list(yaml.safe_load_all((DOCKER / "kubernetes" / "mqtt-kinesis.yaml").read_text()))
DOCKERFILE = (DOCKER / "Dockerfile").read_text()
STOP_SECS = 10.0


def manifest(kind, name="mqtt-kinesis"):
    (found,) = [each for each in MANIFESTS if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return found


def pod():
    return manifest("StatefulSet")["spec"]["template"]["spec"]


def written(folder, text, secrets):
    """Write a copy of a shipped configuration. Its secrets are in a folder of the test."""
    file = folder / "bridge.yaml"
    for name in secrets:
        (folder / name).write_text("sixteen-characters")
        text = text.replace(
            f"/run/secrets/{'mqtt-kinesis/' if 'mqtt-kinesis/' in text else ''}{name}", str(folder / name)
        )
    file.write_text(text)
    return file


def test_image_is_linted():
    linted = subprocess.run(
        [f"{sys.prefix}/bin/hadolint", str(DOCKER / "Dockerfile")], capture_output=True, text=True, check=False
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_image_gets_what_it_copies():
    kept = {line[1:] for line in (DOCKER / "Dockerfile.dockerignore").read_text().splitlines() if line[0] == "!"}
    copied = {
        word
        for line in DOCKERFILE.splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for word in line.split()[1:-1]
    }
    inside = {word for word in copied if word.split("/")[0] in kept - {word}}
    assert copied - inside == kept
    assert all((ROOT / each).exists() for each in copied)


def test_compose_publishes_services_on_this_machine_only():
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", ())]
    assert len(ports) == 4
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_files_that_compose_mounts_are_there():
    mounts = [each for service in COMPOSE["services"].values() for each in service.get("volumes", ())]
    sources = [each.split(":")[0] for each in mounts]
    assert all((DOCKER / source).exists() for source in sources if source.startswith("."))
    assert {source for source in sources if not source.startswith(".")} == set(COMPOSE["volumes"])


def test_composes_bridge_is_configured_as_the_program_needs_it(tmp_path):
    text = (DOCKER / COMPOSE["configs"]["bridge"]["file"]).read_text()
    settings = load_settings(written(tmp_path, text, []), {"HTTP_TOKEN": "a-token-of-the-plant"})
    assert settings.http.port == 8080
    assert settings.mqtt.urls == ("mqtt://mosquitto:1883",)
    assert int(COMPOSE["services"]["bridge"]["stop_grace_period"].rstrip("s")) > settings.stop_secs


def test_compose_gives_a_read_only_service_files_only():
    for service in COMPOSE["services"].values():
        if service.get("read_only"):
            given = [COMPOSE["configs"][each["source"]] for each in service.get("configs", ())]
            given += [COMPOSE["secrets"][name] for name in service.get("secrets", ())]
            assert all("file" in each for each in given), "Compose refuses to start it"


def test_simulator_makes_the_streams_of_the_example_mappings():
    mappings = load_folder(EXAMPLES, {}).mappings.values()
    assert set(STREAMS) == {output.data_stream for mapping in mappings for output in mapping.outputs}


def test_kubernetes_configuration_is_as_the_program_needs_it(tmp_path):
    text = manifest("ConfigMap")["data"]["bridge.yaml"]
    environ = {"HOSTNAME": "mqtt-kinesis-0", "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/x"}
    environ["AWS_WEB_IDENTITY_TOKEN_FILE"] = str(tmp_path / "token")
    (tmp_path / "token").write_text("token")
    settings = load_settings(written(tmp_path, text, ["mqtt_password", "http_token"]), environ)
    assert (settings.mqtt.client_id, settings.mqtt.share) == ("mqtt-kinesis-0", "mqtt-kinesis")
    mounts = {each["mountPath"] for each in pod()["containers"][0]["volumeMounts"]}
    assert {str(settings.spool.path), str(settings.mappings)} <= mounts
    assert pod()["terminationGracePeriodSeconds"] > settings.stop_secs


def test_kubernetes_mappings_load(tmp_path):
    for name, text in manifest("ConfigMap", "mqtt-kinesis-mappings")["data"].items():
        (tmp_path / name).write_text(text)
    assert load_folder(tmp_path, {}).mappings


def test_pod_may_do_nothing_that_it_need_not():
    container, security = pod()["containers"][0], pod()["securityContext"]
    assert f"USER {security['runAsUser']}:{security['runAsGroup']}" in DOCKERFILE
    assert security["runAsNonRoot"]
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_pods_volumes_and_probes_are_what_there_is():
    container = pod()["containers"][0]
    claims = {each["metadata"]["name"] for each in manifest("StatefulSet")["spec"]["volumeClaimTemplates"]}
    assert {each["name"] for each in container["volumeMounts"]} == {each["name"] for each in pod()["volumes"]} | claims
    probes = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}
    assert probes == {
        "startup": {"path": "/healthz", "port": "http"},
        "liveness": {"path": "/healthz", "port": "http"},
        "readiness": {"path": "/readyz", "port": "http"},
    }
    assert f"EXPOSE {container['ports'][0]['containerPort']}" in DOCKERFILE


def test_selectors_find_the_pods():
    labels = manifest("StatefulSet")["spec"]["template"]["metadata"]["labels"]
    assert manifest("StatefulSet")["spec"]["selector"]["matchLabels"] == labels
    assert manifest("PodDisruptionBudget")["spec"]["selector"]["matchLabels"] == labels
    assert manifest("Service")["spec"]["selector"] == labels
    assert manifest("StatefulSet")["spec"]["serviceName"] == manifest("Service")["metadata"]["name"]


@pytest.fixture
def unit():
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(DOCKER / "systemd" / "mqtt-kinesis.service")
    return parser["Service"]


def test_unit_is_reported_when_the_bridge_is_ready_and_alive(unit):
    assert unit["Type"] == "notify"
    assert float(unit["TimeoutStopSec"]) > STOP_SECS
    assert unit["RestartPreventExitStatus"] == "2"
    assert "ExecStartPre" not in unit, "its exit code is not looked at: a wrong configuration would be started for ever"


def test_units_command_is_the_programs(unit):
    program, verb, option, _ = unit["ExecStart"].split()
    assert program.endswith("/mqtt-kinesis")
    assert option == "--config"
    shown = subprocess.run(
        [sys.executable, "-m", "bridge", verb, "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "--config" in shown.stdout


def test_grafana_is_given_the_dashboard_and_its_data():
    source = yaml.safe_load((DOCKER / "grafana/provisioning/datasources/prometheus.yaml").read_text())["datasources"][0]
    assert source["url"] == "http://prometheus:9090"
    assert json.loads((DOCKER / "grafana/mqtt-kinesis.json").read_text())["uid"] == "mqtt-kinesis"
    scraped = yaml.safe_load((DOCKER / "prometheus/prometheus.yaml").read_text())["scrape_configs"][0]
    assert scraped["job_name"] == "mqtt-kinesis"
    assert scraped["static_configs"] == [{"targets": ["bridge:8080"]}]
