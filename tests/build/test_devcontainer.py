"""A dev container: plain JSON that says what the specification knows, beside the files of the image."""

from __future__ import annotations

import json

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsetup.render.templates import render, render_example

# What containers.dev (reference of devcontainer.json) says of the properties that are used here.
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "build"],
    "properties": {
        "name": {"type": "string"},
        "build": {
            "type": "object",
            "additionalProperties": False,
            "required": ["dockerfile"],
            "properties": {"dockerfile": {"type": "string"}, "context": {"type": "string"}},
        },
        "hostRequirements": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"gpu": {"enum": [True, False, "optional"]}},
        },
        "init": {"type": "boolean"},
        "runArgs": {"type": "array", "items": {"type": "string"}},
        "remoteUser": {"type": "string"},
        "updateRemoteUserUID": {"type": "boolean"},
        "customizations": {
            "type": "object",
            "properties": {
                "vscode": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "settings": {"type": "object"},
                        "extensions": {
                            "type": "array",
                            "items": {"type": "string", "pattern": "^[a-z0-9-]+[.][a-z0-9-]+$"},
                        },
                    },
                }
            },
        },
    },
}


def checked(text):
    document = json.loads(text)
    jsonschema.validate(document, SCHEMA)
    return document


@pytest.mark.parametrize("gpu", [True, False])
@given(st.text(max_size=30))
def test_any_title_comes_back_and_the_schema_holds(gpu, title):
    made = render("devcontainer", {"title": title, "gpu": gpu, "interpreter": "/opt/venv/bin/python"})
    document = checked(made["devcontainer.json"])
    assert document["name"] == title
    assert document.get("hostRequirements") == ({"gpu": True} if gpu else None)


def test_the_schema_does_look():
    text = render_example("devcontainer")["devcontainer.json"].decode()
    for right, wrong in (("true}", '"banana"}'), ("remoteUser", "remoteuser"), ('"context"', '"contxt"')):
        assert right in text
        with pytest.raises(jsonschema.ValidationError):
            checked(text.replace(right, wrong, 1))


@pytest.mark.build
def test_the_files_of_the_image_are_beside_it(box):
    asked = ("--framework", "pytorch", "--cpu", "--python", "3.11", "--no-build", "--name", "demo")
    box.json("img", *asked, "--target", "docker")
    box.json(".devcontainer", *asked, "--target", "devcontainer")
    folder = box.folder / ".devcontainer"
    document = checked((folder / "devcontainer.json").read_text())
    assert (folder / document["build"]["dockerfile"]).read_bytes() == (box.folder / "img" / "Dockerfile").read_bytes()
    assert not {"run.sh", "compose.yaml"} & {p.name for p in folder.iterdir()}
    assert f"--login {document['remoteUser']} " in (folder / "Dockerfile").read_text()
    assert "hostRequirements" not in document


@pytest.mark.build
def test_without_an_engine_the_editor_builds_it(box):
    done = box.create(".devcontainer", "--framework", "pytorch", "--cpu", "--python", "3.11", "--target",
                      "devcontainer", PATH="/nonexistent")  # fmt: skip
    assert done.returncode == 3
    assert "Reopen in Container" in done.stdout
