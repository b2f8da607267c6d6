"""Values that would be code, another line or another file somewhere: refused, or they come back as what they are."""

from __future__ import annotations

import ast
import json
import re
import shlex
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from offered import TARGETS, definition, put, sections, tree, values
from ruamel.yaml import YAML

from envsetup.model.errors import InputError

NASTY = [
    "it's", '"', "\n", "\r\n", "a\nRUN id", "a\n%post\n    id", "$(id)", "`id`", "${HOME}", "$HOME", "{{ 7*7 }}",
    "{% raw %}", "../../etc/passwd", "/etc/passwd", "-v", "--privileged", "\x00", "\x1b[31m", "\x7f", "\x85",
    "\u2028", "\u202e", "\u2066x\u2069", "a: b", "a #b", "- x", "&a", "*a", "!!python/object:x", "%YAML", "---",
    "[x]", "{x: y}", "\\", "\\n", "'; id; '", '"; id; "', "#SBATCH --wrap=id", "é漢🙂", "\ud800", "~", "null", "yes",
    "1e3", "", " ", "\t", "&&id", "|id", ">x", "a,b", "a:b", "=x", "\ufffe", "\uffff",
]  # fmt: skip
text = (
    st.sampled_from(NASTY) | st.text(max_size=20) | st.tuples(st.sampled_from(NASTY), st.text(max_size=9)).map("".join)
)
NOT_TEXT = {"channels", "gpu", "develop", "labels", "specs"}
# Whole files made by envsetup from values of their own, which their own tests hold to account.
WHOLE = {"lock", "pylock", "manifest", "self_check", "explicit"}
# What only chooses between words of the template.
CHOOSES = {"device"}
yaml = YAML(typ="safe")


def dockerfile(path):
    """Its instructions by name, its labels and its base, by dockerfile-parse."""
    from dockerfile_parse import DockerfileParser

    found = DockerfileParser(path=str(path))
    return [step["instruction"] for step in found.structure if step["instruction"] != "COMMENT"], found


def shape(value):
    """A document without its leaves."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    return [shape(inner) for inner in value] if isinstance(value, list) else "leaf"


def leaves(value):
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in leaves(inner)]
    return [leaf for inner in value for leaf in leaves(inner)] if isinstance(value, list) else [value]


def words(script):
    """The words of a shell script's lines, comments left out; a quote that is open makes it fail."""
    lines = re.sub(r"\\\n", " ", script).splitlines()
    return [shlex.split(line) for line in lines if not line.lstrip().startswith("#")]


def outline(path):
    """What a file says but for the values in it: two files of one template have the same."""
    content = path.read_text()
    if path.name == "Dockerfile":
        return dockerfile(path)[0]
    if path.suffix in {".yaml", ".yml"}:
        return shape(yaml.load(content.replace("!reset ", "")))
    if path.suffix == ".json":
        return shape(json.loads(content))
    if path.suffix == ".py":
        return ast.dump(ast.parse(content))
    if path.suffix == ".def":
        definition(path)
        return {name: len(lines) for name, lines in sections(content).items()}
    if path.suffix == ".sh":
        directives = [line for line in content.splitlines() if line.startswith("#SBATCH")]
        return len(directives), [len(line) for line in words(content)]
    return len(content.splitlines())


def write(target, folder, **changes):
    return put(tree(target, **changes), Path(folder))


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The outline of each file of each target, with the values of its example."""
    found = {}
    for target in TARGETS:
        folder = write(target, tmp_path_factory.mktemp(target))
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        found[target] = {str(path.relative_to(folder)): outline(path) for path in files}
    return found


@pytest.mark.parametrize("target", TARGETS)
def test_no_value_changes_what_a_file_does(target, plain):
    names = sorted(set(values(target)) - NOT_TEXT - WHOLE - CHOOSES)

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.sampled_from(names), text)
    def check(name, value):
        with tempfile.TemporaryDirectory() as folder:
            try:
                write(target, folder, **{name: value})
            except InputError:
                return
            except UnicodeEncodeError:
                pytest.fail(f"{name}={value!r}: neither refused nor written")
            for file, expected in plain[target].items():
                path = Path(folder, file)
                # An address that is empty takes its option away.
                if not (name == "index" and not value):
                    assert path.is_file(), (name, value, file)
                    assert outline(path) == expected, (name, value, file)

    check()


@settings(max_examples=40, deadline=None, database=None)
@given(st.lists(text, min_size=1, max_size=4))
def test_labels_come_back_from_every_file(drawn):
    labels = {f"l{number}": value for number, value in enumerate(drawn)}
    with tempfile.TemporaryDirectory() as folder:
        try:
            write("kubernetes", folder, labels=labels)
        except InputError:
            assert any(
                re.search(
                    "[\\x00-\\x1f\\x7f-\\x9f\\u2028-\\u202e\\u2066-\\u2069\\u200e\\u200f\\u061c\\ud800-\\udfff\\ufffe\\uffff]",
                    v,
                )
                for v in drawn
            )
            return
        for name in ("pod.yaml", "job.yaml"):
            assert yaml.load(Path(folder, name))["metadata"]["annotations"] == labels


@settings(max_examples=40, deadline=None, database=None)
@given(text)
def test_names_and_questions_come_back_as_they_are(value):
    with tempfile.TemporaryDirectory() as folder:
        try:
            write("docker", folder, question=value)
            write("kubernetes", folder, question=value)
            write("slurm", folder, question=value)
        except InputError:
            return
        job = yaml.load(Path(folder, "job.yaml"))
        assert job["spec"]["template"]["spec"]["containers"][0]["command"][-1] == value
        script = Path(folder, "job.sh").read_text()
        assert value in [word.removesuffix(";") for line in words(script) for word in line]
        step = next(
            s["value"] for s in dockerfile(Path(folder, "Dockerfile"))[1].structure if s["value"].startswith("[")
        )
        assert json.loads(step)[-1] == value
        assert value in shlex.split(sections(Path(folder, "environment.def").read_text())["test"][0])


@settings(max_examples=40, deadline=None, database=None)
@given(text, st.lists(text, min_size=1, max_size=3))
def test_a_conda_file_gives_back_its_channel_and_its_specs(channel, specs):
    with tempfile.TemporaryDirectory() as folder:
        try:
            write("conda", folder, channels=[channel], specs=specs)
        except InputError:
            return
        document = yaml.load(Path(folder, "environment.yml"))
        assert (document["channels"][0], document["dependencies"]) == (channel, specs)


@pytest.mark.parametrize("value", ["a\nb", "\x1b[2J", "\u202egnp.exe", "a\x00"])
@pytest.mark.parametrize("target", TARGETS)
def test_a_line_of_a_comment_stays_one_line(target, value):
    with pytest.raises(InputError, match="control characters are not accepted"):
        tree(target, summary=value)
