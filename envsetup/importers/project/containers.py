"""Dockerfiles, compose files, dev containers: what an image holds, and whether the container gets a GPU."""

from __future__ import annotations

import re
from posixpath import basename, dirname, join, normpath
from typing import Any

import msgspec

from envsetup.importers.project.requirements import read_install
from envsetup.importers.project.yaml import Lined, read_yaml
from envsetup.model.project import Place, Requirement, Scope, Service

FROM = re.compile(r"FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?", re.IGNORECASE)
ARG = re.compile(r"ARG\s+(\w+)=(\S+)", re.IGNORECASE)
PYTHON_IMAGE = re.compile(r"(?:^|/)python:(\d+\.\d+)")
TORCH_IMAGE = re.compile(r"(?:^|/)pytorch/pytorch:(\d+\.\d+\.\d+)-cuda(\d+)\.(\d+)")
TENSORFLOW_IMAGE = re.compile(r"(?:^|/)tensorflow/tensorflow:(\d+\.\d+\.\d+)(-gpu)?")
GPU_FLAG = re.compile(r"^--gpus(?:=.*)?$|^--device=?(?:nvidia\.com/gpu|/dev/(?:nvidia|dri|kfd)).*|^--runtime=nvidia$")


def read_dockerfile(text: str, file: str) -> tuple[Scope, list[str]]:
    """The last stage with what it starts from, and the requirement files that it installs."""
    stages: dict[str, tuple[str, Place, list[Requirement], list[str]]] = {}
    arguments: dict[str, str] = {}
    base, place, index = "", Place(file), None
    listed: list[Requirement] = []
    files: list[str] = []
    joined = re.sub(r"\\\s*\n", lambda found: " " * len(found[0]) + "\0", text)
    number = 1
    for line in joined.split("\n"):
        here, number = number, number + 1 + line.count("\0")
        code = line.replace("\0", " ").strip()
        argument, start = ARG.match(code), FROM.match(code)
        if argument:
            arguments[argument[1]] = argument[2].strip("\"'")
        elif start:
            name = re.sub(r"\$\{?(\w+)[^}]*\}?", lambda found: arguments.get(found[1], found[0]), start[1])
            origin = stages.get(name.lower())
            base, place = (origin[0], origin[1]) if origin else (name, Place(file, here))
            listed, files = (list(origin[2]), list(origin[3])) if origin else ([], [])
            stages[(start[2] or str(len(stages))).lower()] = (base, place, listed, files)
        elif re.match(r"RUN\s", code, re.IGNORECASE):
            read = read_install(code, Place(file, here))
            listed += read.requirements
            files += read.files
            index = read.variant or index
    torch, tensorflow = TORCH_IMAGE.search(base), TENSORFLOW_IMAGE.search(base)
    if torch and not any(item.name == "torch" for item in listed):
        listed.append(Requirement(name="torch", spec=f"=={torch[1]}+cu{torch[2]}{torch[3]}", place=place))
    if tensorflow:
        listed.append(Requirement(name="tensorflow", spec=f"=={tensorflow[1]}", place=place))
    python = PYTHON_IMAGE.search(base)
    scope = Scope(
        file=file,
        kind="image",
        requirements=listed,
        index=index,
        python=python[1] if python else None,
        base=base or None,
        base_place=place,
    )
    return scope, files


def read_compose(text: str, file: str) -> list[Service]:
    """The services of a compose file. Raises UnreadableYamlError."""
    data = read_yaml(text)
    services = data.get("services") if isinstance(data, Lined) else None
    found: list[Service] = []
    if not isinstance(services, Lined):
        return []
    for name, body in services.items():
        if not isinstance(body, Lined):
            continue
        build = body.get("build")
        context = build.get("context", ".") if isinstance(build, Lined) else build
        named = build.get("dockerfile", "Dockerfile") if isinstance(build, Lined) else "Dockerfile"
        path = normpath(join(dirname(file), str(context), str(named))) if context else None
        line = Place(file, services.lines.get(name, 0))
        image = str(body["image"]) if body.get("image") else None
        found.append(Service(name=name, place=line, gpu=_reserves(body), image=image, dockerfile=path))
    return found


def _reserves(body: Lined) -> bool:
    """Any of the ways in which compose gives a service a GPU."""
    if body.get("gpus") or body.get("runtime") == "nvidia" or body.get("devices"):
        return True
    value: Any = body
    for name in ("deploy", "resources", "reservations", "devices"):
        value = value.get(name) if isinstance(value, Lined) else None
    return bool(value)


def read_devcontainer(text: str, file: str) -> Service | None:
    """devcontainer.json, which may hold comments. Raises ValueError."""
    data = msgspec.json.decode(_without_comments(text))
    if not isinstance(data, dict):
        raise TypeError("an object is expected")
    host = data.get("hostRequirements")
    gpu = isinstance(host, dict) and bool(host.get("gpu"))
    arguments = [str(item) for item in data.get("runArgs") or []]
    build = data["build"] if isinstance(data.get("build"), dict) else {}
    named = build.get("dockerfile") or build.get("dockerFile") or data.get("dockerFile")
    if data.get("dockerComposeFile"):
        return None  # the compose file says it
    return Service(
        name=str(data.get("name") or basename(file)),
        place=Place(file),
        gpu=gpu or any(map(GPU_FLAG.match, arguments)),
        image=str(data["image"]) if data.get("image") else None,
        dockerfile=normpath(join(dirname(file), str(named))) if named else None,
    )


def _without_comments(text: str) -> bytes:
    """JSON with comments and trailing commas as plain JSON; what stands in texts is kept."""
    kept = re.sub(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', lambda found: found[1] or " ", text, flags=re.DOTALL)
    return re.sub(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])', lambda found: found[1] or "", kept).encode()
