"""Templates: strict, sandboxed, the same bytes each time; nothing is written."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from envsetup import resources
from envsetup.model.errors import InputError
from envsetup.model.lock import read_lock
from envsetup.render import templates

ROOT = Path(__file__).resolve().parents[2]
LINE = "idna==3.10 \\\n    --hash=sha256:946d195a0d259cbba61165e88e65941f16e9b36ea6ddb97f00452bae8b1287d3\n"
GOOD = {
    "name": "n",
    "path": "/p",
    "python": "3.12.4",
    "tool": "1",
    "lock": LINE,
    "pylock": "",
    "manifest": "{}\n",
    "summary": "PyTorch",
}


@pytest.mark.parametrize("name", templates.template_names())
def test_every_example_renders_the_same_bytes_twice(name):
    assert templates.render_example(name) == templates.render_example(name)
    assert set(templates.render_example(name)) == set(templates.descriptor(name).files)


def test_the_venv_files():
    files = templates.render("venv", GOOD)
    assert set(files) == {"requirements.lock", "envsetup.json", "ACTIVATE.txt"}
    assert read_lock(files["requirements.lock"].decode(), name="x").text() == LINE
    assert files["envsetup.json"] == b"{}\n"


def test_missing_and_unknown_variables_are_named():
    with pytest.raises(InputError, match="missing or unknown: path, pth"):
        templates.render("venv", {("pth" if key == "path" else key): value for key, value in GOOD.items()})
    with pytest.raises(InputError, match=r"there are .*\bvenv\b"):
        templates.render("vnv", GOOD)


def test_a_hostile_value_is_refused_or_quoted():
    with pytest.raises(InputError, match="control characters"):
        templates.render("venv", GOOD | {"name": "x\n\nrm -rf /"})
    rendered = templates.render("venv", GOOD | {"path": "/a'; rm -rf $HOME; '{{ 7*7 }}"})["ACTIVATE.txt"].decode()
    assert "{{ 7*7 }}" in rendered
    assert "49" not in rendered


def folder_with(tmp_path, monkeypatch, source):
    folder = tmp_path / "evil"
    folder.mkdir()
    (folder / "template.json").write_text('{"title": "t", "files": {"out": "in.j2"}, "variables": {}}')
    (folder / "in.j2").write_text(source)
    monkeypatch.setattr(templates, "templates_root", lambda: tmp_path)
    return lambda: templates.render("evil", {})


@pytest.mark.parametrize(
    "source",
    [
        "{{ missing }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{% include '../../../etc/passwd' %}",
        "{% include '/etc/passwd' %}",
        "{{ cycler.__init__.__globals__ }}",
        "{% for x in %}",
    ],
)
def test_a_template_cannot_reach_out(tmp_path, monkeypatch, source):
    with pytest.raises(InputError, match="template evil: "):
        folder_with(tmp_path, monkeypatch, source)()


def test_the_folder_is_found_in_the_checkout_and_in_a_zip(tmp_path):
    assert resources.templates_root().joinpath("venv", "template.json").is_file()
    archive = tmp_path / "app.pyz"
    with zipfile.ZipFile(archive, "w") as app:
        for path in (ROOT / "envsetup").rglob("*"):
            if path.suffix in {".py", ".json"}:
                app.write(path, path.relative_to(ROOT))
        for path in (ROOT / "templates").rglob("*"):
            if path.is_file():
                app.write(path, Path("envsetup/_templates") / path.relative_to(ROOT / "templates"))
    script = "import envsetup.render.templates as t; print(t.__file__, sorted(t.render_example('venv')))"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(archive)!r}); {script}"],
        check=True, capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert str(archive) in done.stdout
    assert "requirements.lock" in done.stdout
