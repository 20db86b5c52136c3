"""Image, Compose file and Kubernetes manifest, as far as they can be tried without an engine."""
import os
import re
import subprocess

import pytest
import yaml

from agent import LASTSEEN, ROOT, command, environment
from logs import json_line
from servers import is_root

DOCKERFILE = f"{ROOT}/packaging/docker/Dockerfile"
COMPOSE = f"{ROOT}/packaging/compose/compose.yaml"
SIDECAR = f"{ROOT}/packaging/kubernetes/sidecar.yaml"


def documents(path):
    with open(path, encoding="utf-8") as file:
        return list(yaml.safe_load_all(file))


def accepted(text, tmp_path, **variables):
    path = tmp_path / "lastseen.yaml"
    path.write_text(text)
    done = command("check", "-c", path, env=environment(**variables))
    assert done.returncode == 0, done.err


@pytest.fixture(scope="module")
def rootfs(tmp_path_factory):
    root = tmp_path_factory.mktemp("image") / "rootfs"
    subprocess.run([f"{ROOT}/packaging/docker/rootfs.sh", LASTSEEN, root], check=True)
    return root


def test_the_image_holds_what_ldd_wants_and_no_shell(rootfs):
    told = subprocess.run(["ldd", LASTSEEN], check=True, capture_output=True, text=True).stdout
    wanted = set(re.findall(r"(/\S+) \(0x", told))
    assert len(wanted) > 10
    assert [path for path in wanted if not (rootfs / path[1:]).is_file()] == []
    files = [path for path in rootfs.rglob("*") if path.is_file() and os.access(path, os.X_OK)]
    others = {str(path.relative_to(rootfs)) for path in files if ".so" not in path.name}
    assert others == {"usr/bin/lastseen"}


@pytest.mark.skipif(not is_root(), reason="chroot needs root")
def test_lastseen_runs_inside_the_image_as_nobody_in_particular(rootfs, tmp_path):
    log = rootfs / "var/lib/lastseen/access.log"
    log.write_text(json_line(1795305600123, "A"))
    (rootfs / "etc/lastseen/lastseen.yaml").write_text(
        "agent_id: image\ninputs: [{name: x, path: /var/lib/lastseen/access.log, parser: json,"
        " time_zone: America/Santiago}]\n")
    inside = ["/usr/sbin/chroot", "--userspec=65532:65532", str(rootfs), "/usr/bin/lastseen"]
    done = subprocess.run([*inside, "run", "--once"], capture_output=True, text=True, timeout=60,
                          env={}, check=False)
    assert done.returncode == 0, done.stderr
    shown = subprocess.run([*inside, "clients", "--count"], capture_output=True, text=True,
                           timeout=60, env={}, check=True)
    assert shown.stdout == "1\n"


def test_dockerfile_has_two_stages_and_no_root():
    with open(DOCKERFILE, encoding="utf-8") as file:
        steps = re.findall(r"^([A-Z]+) (.*)$", file.read(), re.M)
    known = {"FROM", "WORKDIR", "COPY", "RUN", "USER", "ENTRYPOINT", "CMD", "HEALTHCHECK"}
    assert {name for name, _ in steps} <= known
    assert [rest.split()[0] for name, rest in steps if name == "FROM"] == ["debian:12-slim",
                                                                          "scratch"]
    last = steps[[i for i, step in enumerate(steps) if step[0] == "FROM"][-1]:]
    assert ("USER", "65532:65532") in last and not any(name == "RUN" for name, _ in last)
    with open(f"{ROOT}/packaging/docker/rootfs.sh", encoding="utf-8") as file:
        assert "user=65532" in file.read()


def test_compose_file_is_whole(tmp_path):
    compose, = documents(COMPOSE)
    assert set(compose) == {"services", "secrets", "volumes"}
    services = compose["services"]
    assert set(services) == {"db", "migrate", "lastseen", "nginx"}
    directory = os.path.dirname(COMPOSE)
    for name, service in services.items():
        assert set(service.get("depends_on", {})) <= set(services), name
        assert set(service.get("secrets", [])) <= set(compose["secrets"]), name
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in compose["volumes"] or os.path.exists(f"{directory}/{source}"), volume
    build = services["migrate"]["build"]
    assert os.path.exists(f"{directory}/{build['context']}/{build['dockerfile']}")
    assert os.path.exists(f"{directory}/{compose['secrets']['db_password']['file']}")
    with open(f"{directory}/lastseen.yaml", encoding="utf-8") as file:
        accepted(file.read(), tmp_path)


def containers(deployment):
    spec = deployment["spec"]["template"]["spec"]
    return spec, {c["name"]: c for c in spec["initContainers"] + spec["containers"]}


def test_kubernetes_manifest_is_whole(tmp_path):
    config, deployment = documents(SIDECAR)
    assert (config["apiVersion"], config["kind"]) == ("v1", "ConfigMap")
    assert (deployment["apiVersion"], deployment["kind"]) == ("apps/v1", "Deployment")
    spec, all_containers = containers(deployment)
    assert set(all_containers) == {"migrate", "lastseen", "nginx"}
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    for container in all_containers.values():
        assert {m["name"] for m in container["volumeMounts"]} <= set(volumes)
    logs = {name: next(m for m in all_containers[name]["volumeMounts"] if m["name"] == "logs")
            for name in ("nginx", "lastseen")}
    assert logs["nginx"]["mountPath"] == logs["lastseen"]["mountPath"]
    assert "emptyDir" in volumes["logs"] and volumes["config"]["configMap"]["name"] == "lastseen"
    labels = deployment["spec"]["selector"]["matchLabels"].items()
    assert labels <= deployment["spec"]["template"]["metadata"]["labels"].items()
    accepted(config["data"]["lastseen.yaml"], tmp_path, POD_NAME="web-1")


def test_the_sidecar_starts_before_nginx_ends_after_it_and_may_do_nothing():
    _, deployment = documents(SIDECAR)
    spec, all_containers = containers(deployment)
    sidecar = all_containers["lastseen"]
    assert sidecar in spec["initContainers"] and sidecar["restartPolicy"] == "Always"
    confined = sidecar["securityContext"]
    assert confined["runAsNonRoot"] and confined["readOnlyRootFilesystem"]
    assert not confined["allowPrivilegeEscalation"]
    assert confined["capabilities"] == {"drop": ["ALL"]}
    assert sidecar["livenessProbe"]["exec"]["command"] == ["/usr/bin/lastseen", "status"]
    assert {"name": "metrics", "containerPort": 9464} in sidecar["ports"]
    names = {variable["name"] for variable in sidecar["env"]}
    assert names == set(re.findall(r"\$\{(\w+)\}", documents(SIDECAR)[0]["data"]["lastseen.yaml"]))


@pytest.mark.parametrize("path", ["compose", "kubernetes"])
def test_nginx_takes_what_is_given_to_it(path, tmp_path):
    if path == "compose":
        with open(f"{ROOT}/packaging/compose/nginx.conf", encoding="utf-8") as file:
            text = file.read()
    else:
        text = documents(SIDECAR)[0]["data"]["default.conf"]
    text = text.replace("/var/log/nginx", str(tmp_path))
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ {text} }}")
    done = subprocess.run(["nginx", "-t", "-p", tmp_path, "-c", tmp_path / "nginx.conf"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
