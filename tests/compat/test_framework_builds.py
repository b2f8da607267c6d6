from __future__ import annotations

import pytest

from envsetup.compat import jax, sources, tensorflow, torch


def test_what_a_plain_install_gives():
    assert torch.default_variant("2.15.0", "linux", "x86_64") == "cu132"
    assert torch.default_variant("2.10.0", "linux", "x86_64") == "cu128"
    assert torch.default_variant("2.10.0", "linux", "aarch64") == "cpu"
    assert torch.default_variant("2.11.0", "linux", "aarch64") == "cu130"
    assert torch.default_variant("2.15.0", "windows", "x86_64") == "cpu"
    assert torch.default_variant("2.15.0", "macos", "arm64") is None
    assert torch.default_variant("9.9", "linux", "x86_64") is None


def test_architectures_come_with_their_certainty():
    assert "sm_61" not in torch.arch_list("2.15.0", "cu132").archs
    assert torch.arch_list("2.14.1", "cu126").archs[0] == "sm_50"
    assert torch.arch_list("2.13.0", "cu129").certain is False
    assert torch.arch_list("2.15.0", "cu132").certain is True
    assert torch.arch_list("2.15.0", "cu130", "linux", "aarch64").archs == [
        "sm_80",
        "sm_90",
        "sm_100",
        "sm_110",
        "sm_120",
    ]
    assert torch.arch_list("2.8.0", "cu126", "linux", "aarch64") is None
    assert torch.arch_list("2.15.0", "cpu") is None
    assert torch.arch_list("2.15.0", "cu126") is None
    assert torch.arch_list("2.14.1", "cu126", "windows").archs == torch.arch_list("2.14.1", "cu126").archs


def test_pythons():
    assert torch.pythons("2.15.0", "linux", "x86_64") == ["3.11", "3.12", "3.13", "3.14", "3.15"]
    assert torch.pythons("2.15.0", "linux", "x86_64", free_threaded=True) == ["3.14", "3.15"]
    assert torch.pythons("2.14.1", "linux", "x86_64")[0] == "3.10"
    assert "3.13" in torch.pythons("2.12.0", "linux", "x86_64", free_threaded=True)
    assert "3.13" not in torch.pythons("2.12.1", "linux", "x86_64", free_threaded=True)
    assert torch.pythons("2.2.2", "macos", "x86_64")[-1] == "3.12"
    assert torch.pythons("2.3.0", "macos", "x86_64") == []


def test_libc_floors():
    assert torch.libc_floor("2.5.1") == "2.17"
    assert torch.libc_floor("2.6.0", "cu126") == "2.28"
    assert torch.libc_floor("2.6.0", "cu124") == "2.17"
    assert torch.libc_floor("2.7.0", "cu118") == "2.28"
    assert torch.libc_floor("9.9") is None


def test_macos_floors():
    assert torch.macos_floor("2.15.0", "arm64", "3.12") == "14.0"
    assert torch.macos_floor("2.11.0", "arm64", "3.12") == "11.0"
    assert torch.macos_floor("2.15.0", "x86_64", "3.12") is None


@pytest.mark.parametrize(
    ("version", "vision", "fits"),
    [
        ("2.5.0", "0.20.0", True),
        ("2.5.1", "0.20.0", False),
        ("2.5.1+cu124", "0.20.1+cu124", True),
        ("2.14.0", "0.29.0", True),
        ("2.15.0", "0.29.0", False),
        ("2.15.0", "0.29.1", True),
        ("2.14.1", "0.29.2", True),
        ("2.13.0", "0.29.1", False),
        ("2.5.1", "0.3.0", None),
    ],
)
def test_torchvision_matches(version, vision, fits):
    assert torch.matches(version, vision) is fits


def test_the_companion_released_beside_a_release_stands_last():
    assert torch.companions("2.14.0").torchvision[-1] == "0.29.0"
    assert torch.companions("2.15.0").torchvision[-1] == "0.29.2"
    assert torch.companions("9.9") is None


def test_kepler_ends_with_cudnn_8():
    assert torch.cudnn_floor("2.3.1", "3.7") is None
    assert torch.cudnn_floor("2.4.0", "3.7").text
    assert torch.cudnn_floor("2.4.0", "5.0") is None


def test_cuda_of_a_variant():
    assert [torch.cuda_of(v) for v in ("cu126", "cu118", "cu102", "cpu", "rocm7.2", "xpu")] == [
        "12.6", "11.8", "10.2", None, None, None,
    ]  # fmt: skip


def test_tensorflow_gpu_support():
    assert tensorflow.uses_gpu("2.21.0", "linux", "x86_64")
    assert not tensorflow.uses_gpu("2.21.0", "linux", "aarch64")
    assert not tensorflow.uses_gpu("2.11.0", "windows", "x86_64")
    assert tensorflow.uses_gpu("2.10.1", "windows", "x86_64")
    assert not tensorflow.uses_gpu("2.17.1", "macos", "arm64")
    assert tensorflow.release("2.21.0").glibc == "2.27"
    assert tensorflow.release("9.9") is None
    assert "3.14" not in tensorflow.pythons("2.21.0", "linux", "x86_64")


def test_tensorflow_lets_cudnn_float_from_2_20():
    assert tensorflow.needs_cudnn_pin("2.20.0", "6.1").last == "9.10.2.21"
    assert tensorflow.needs_cudnn_pin("2.19.1", "6.1") is None
    assert tensorflow.needs_cudnn_pin("2.21.0", "7.5") is None


def test_jax_plugins():
    assert jax.plugin("cuda12").min_cc == "5.2"
    assert jax.plugin("cuda13").driver == "580"
    assert jax.plugin("cuda11") is None
    assert jax.pythons(jax.release("0.10.2"), "linux", "x86_64") == ["3.11", "3.12", "3.13", "3.14", "3.13t", "3.14t"]
    assert jax.pythons(jax.release("0.10.2"), "windows", "x86_64") == ["3.11", "3.12", "3.13", "3.14"]
    assert jax.platform("windows", "x86_64").gpu is False
    assert jax.platform("linux", "aarch64").gpu is True
    assert jax.platform("macos", "x86_64") is None


def test_mirrors():
    assert sources.mirror("tuna").pytorch is None
    assert sources.mirror("nju").pytorch is not None
    assert sources.mirror("nowhere") is None
    assert sources.cite("tuna")


def test_a_torch_version_without_its_last_number_is_the_first_of_its_releases():
    assert torch.release("2.5").version == "2.5.0"
    assert torch.release("2.5+cu124").version == "2.5.0"
    assert torch.release("99.9") is None
    assert torch.release("2.5a") is None
