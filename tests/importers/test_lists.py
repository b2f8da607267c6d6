from __future__ import annotations

import pytest

from envsetup.importers import read


def packages(text):
    return read(text).machine.environment.packages


def test_pip_list_columns():
    text = (
        "$ pip list\nPackage            Version\n------------------ -----------\nnumpy              1.26.4\n"
        "torch              2.4.1+cu118\nTyping_Extensions  4.12.2\n\nand then it fails\n"
    )
    result = read(text)
    assert result.kinds == ["pip list"]
    assert packages(text) == {"numpy": "1.26.4", "torch": "2.4.1+cu118", "typing-extensions": "4.12.2"}
    assert result.machine.environment.frameworks[0].variant == "cu118"
    assert "and then it fails" in result.error_text


@pytest.mark.parametrize(
    ("line", "name", "version"),
    [
        ("torch==2.6.0+cu124", "torch", "2.6.0+cu124"),
        ("jax[cuda12]==0.4.35", "jax", "0.4.35"),
        ("numpy==1.26.4 ; python_version < '3.13'", "numpy", "1.26.4"),
        ("- transformers==4.44.0", "transformers", "4.44.0"),
        ("torch @ https://example.org/whl/torch-2.5.0-cp312-cp312-linux_x86_64.whl", "torch", "2.5.0"),
    ],
)
def test_pip_freeze(line, name, version):
    assert packages(line)[name] == version


def test_old_pip_list_needs_company():
    assert packages("numpy (1.14.0)\ntorch (0.4.0)\nscipy (1.1.0)\n")["torch"] == "0.4.0"
    assert "pip list" not in read("we use torch (0.4.0)").kinds


def test_conda_list():
    text = """# packages in environment at /opt/conda/envs/ml:
# Name                    Version                   Build  Channel
cudatoolkit               11.3.1               h2bc3f7f_2
numpy                     1.21.2           py39h20f2e39_0
pytorch                   1.10.0          py3.9_cuda11.3_cudnn8.2.0_0    pytorch
tqdm                      4.62.3                   pypi_0    pypi
"""
    machine = read(text).machine
    assert machine.environment.kind == "conda"
    assert machine.environment.conda_packages["cudatoolkit"] == "11.3.1 h2bc3f7f_2"
    assert machine.environment.packages == {"tqdm": "4.62.3"}
    assert machine.environment.frameworks[0].cuda == "11.3"


@pytest.mark.parametrize(
    ("line", "variant", "cuda"),
    [
        ("pytorch=1.10.1=py3.8_cpu_0", "cpu", None),
        ("[conda] pytorch 2.3.0 cpu_generic_py311h8ca351a_0 conda-forge", "cpu", None),
    ],
)
def test_conda_cpu_builds(line, variant, cuda):
    (torch,) = read(line).machine.environment.frameworks
    assert (torch.variant, torch.cuda) == (variant, cuda)


def test_conda_forge_build_names_its_cuda():
    (torch,) = read("[conda] pytorch 2.1.0 cuda120_py311h25b6552_301 conda-forge").machine.environment.frameworks
    assert torch.cuda == "12.0"


def test_a_requirement_that_was_not_found_is_not_installed():
    text = "ERROR: Could not find a version that satisfies the requirement torch==1.5.0 (from versions: 1.7.1, 1.8.0)"
    environment = read(text).machine.environment
    assert not getattr(environment, "packages", None) or "torch" not in environment.packages
