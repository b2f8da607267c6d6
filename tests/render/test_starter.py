"""The starter project as it is rendered: whole, clean, the same bytes, whatever the user's names are."""

from __future__ import annotations

import ast
import compileall
import json
import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from envsetup.model.errors import InputError
from envsetup.render.markdown import markdown
from envsetup.render.templates import example, render

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TREE = [
    *(".gitignore", "README.md", "cifar.py", "data.py", "device.py", "evaluate.py", "experiment.py", "export.py"),
    *("gratings.py", "metrics.py", "model.py", "pictures.py", "predict.py", "pyproject.toml", "story.ipynb"),
    *("tests/conftest.py", "tests/test_data.py", "tests/test_export.py", "tests/test_metrics.py"),
    *("tests/test_training.py", "train.py", "trainer.py"),
]
STEPS = ["Choose", "Install", "Configure the GPU", "Prepare data", "Build the model", "Train", "Evaluate", "Deploy"]
FRAMEWORKS = {
    "pytorch": {},
    "tensorflow": {"framework": "TensorFlow", "exported": "model", "summary": "TensorFlow 2.21.0"},
}
names = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=40)
turning = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def project(framework, device="cpu", **changed):
    common = example("starter") | FRAMEWORKS[framework] | changed
    return render("starter", common) | render(f"starter-{framework}", {"device": device})


@pytest.fixture(params=FRAMEWORKS)
def framework(request):
    return request.param


@pytest.fixture
def tree(framework, tmp_path):
    """The project in a folder of its own."""
    for name, content in project(framework).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path


def tool(*argv, cwd):
    return subprocess.run([sys.executable, "-m", *argv], check=False, capture_output=True, text=True, cwd=cwd)


def test_the_tree(framework):
    assert sorted(project(framework)) == TREE
    assert project(framework) == project(framework)


def test_it_is_clean_by_its_own_rules(tree):
    done = tool("ruff", "check", "--no-cache", ".", cwd=tree)
    assert done.returncode == 0, done.stdout
    done = tool("ruff", "format", "--no-cache", "--check", "--diff", ".", cwd=tree)
    assert done.returncode == 0, done.stdout


def test_a_careless_line_would_be_seen(tree):
    (tree / "data.py").write_text((tree / "data.py").read_text() + "\n\ndef f(x=[]):\n    return x\n")
    assert "B006" in tool("ruff", "check", "--no-cache", ".", cwd=tree).stdout


def test_it_compiles_and_every_function_has_types(tree):
    assert compileall.compile_dir(tree, quiet=1)
    for path in tree.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                assert node.returns is not None, (path.name, node.name)


def test_no_file_is_long(tree):
    assert max(path.read_text().count("\n") for path in tree.rglob("*.py")) < 180


def test_the_eight_steps_are_places_in_order(framework):
    files = project(framework)
    headings = re.findall(r"^## (\d)\. (.+)$", files["README.md"].decode(), re.MULTILINE)
    assert [(int(number), title) for number, title in headings] == list(enumerate(STEPS, 1))
    story = "".join("".join(cell["source"]) + "\n" for cell in json.loads(files["story.ipynb"])["cells"])
    assert re.findall(r"\b(\d)\. [A-Z]", story) == [str(number) for number in range(1, 9)]
    python = [content.decode() for name, content in files.items() if name.endswith(".py")]
    for number in range(3, 9):
        assert any(f'"""Step {number} of 8' in text for text in python), number


def test_links_and_imports_lead_somewhere(framework):
    files = project(framework)
    for target in re.findall(r"\]\(([^)]+)\)", files["README.md"].decode()):
        assert target in files
    own = {name.removesuffix(".py") for name in files if name.endswith(".py")}
    outside = {"numpy", "pytest", "torch", "tensorflow", "keras", "IPython"}
    cells = [c for c in json.loads(files["story.ipynb"])["cells"] if c["cell_type"] == "code"]
    sources = {name: content.decode() for name, content in files.items() if name.endswith(".py")}
    sources["story.ipynb"] = "\n".join("".join(cell["source"]) for cell in cells)
    for where, text in sources.items():
        for node in ast.walk(ast.parse(text)):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module] if isinstance(node, ast.ImportFrom) else []
            for module in modules:
                first = module.split(".")[0]
                assert first in own | outside | set(sys.stdlib_module_names), (where, module)


def test_the_notebook_is_one_without_output(framework):
    story = json.loads(project(framework)["story.ipynb"])
    assert (story["nbformat"], story["nbformat_minor"]) == (4, 5)
    assert story["metadata"]["kernelspec"]["name"] == "venv"
    ids = [cell["id"] for cell in story["cells"]]
    assert len(set(ids)) == len(ids)
    for cell in story["cells"]:
        if cell["cell_type"] == "code":
            compile("".join(cell["source"]), cell["id"], "exec")
            assert (cell["outputs"], cell["execution_count"]) == ([], None)


@settings(max_examples=60, deadline=None)
@given(names, names)
def test_any_name_means_itself(name, title):
    if set(name + title) & set(turning):
        with pytest.raises(InputError, match="control characters"):
            project("pytorch", name=name + title)
        return
    files = project("pytorch", name=name, kernel_title=title, summary=title, slug=name)
    assert heading(files["README.md"].decode()) == name.strip()
    story = json.loads(files["story.ipynb"])
    assert heading("".join(story["cells"][0]["source"])) == name.strip()
    assert story["metadata"]["kernelspec"]["display_name"] == title
    assert tomllib.loads(files["pyproject.toml"].decode())["project"]["name"] == name


def heading(text):
    """What a reader sees as the first heading: text alone, no code, link, emphasis or HTML."""
    first = MarkdownIt("commonmark").parse(text)[1]
    assert {child.type for child in first.children} <= {"text", "text_special"}
    return "".join(child.content for child in first.children)


@pytest.mark.parametrize(
    "name",
    [
        "a*b*c",
        "`rm -rf`",
        "<b>x</b>",
        "[x](http://x)",
        "&lt;",
        "# x",
        "a_b_c",
        "_a_",
        "x\\",
        "~~a~~ #",
    ],
)
def test_markdown_stays_text(name):
    assert heading(f"# {markdown(name)}\n") == name


@pytest.mark.parametrize("value", ["x\ny", "x\x1b[31m", "x\u202ey", '"; import os; "', "{{ 7*7 }}", "cu da"])
def test_what_could_become_code_is_refused(value):
    with pytest.raises(InputError):
        project("pytorch", device=value)
    if not value.isprintable():
        for variable in ("name", "use", "rebuild"):
            with pytest.raises(InputError):
                project("pytorch", **{variable: value})


def test_a_shell_line_stays_in_its_block():
    nasty = ". '../$(id) `id` {{ 7*7 }} </pre>/bin/activate'"
    blocks = [t.content for t in MarkdownIt("commonmark").parse(project("pytorch", use=nasty)["README.md"].decode())]
    assert any(block.startswith(nasty + "\n") for block in blocks)


def test_a_gpu_environment_expects_its_gpu(framework):
    files = project(framework, device="cuda")
    assert 'BUILT_FOR = "cuda"' in files["device.py"].decode()
