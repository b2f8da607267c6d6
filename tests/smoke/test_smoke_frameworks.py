"""TensorFlow and JAX take the same checks as PyTorch, from the same weights, on the same data, in the same order."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

import envsetup.smoke
from envsetup.model.errors import InputError
from envsetup.report.smoke_progress import Silent
from envsetup.smoke.catalogue import catalogue
from envsetup.smoke.every import every
from envsetup.smoke.host import HostLook
from envsetup.smoke.runner import Request, planned, prove

ROOM = Path(envsetup.smoke.__file__).parent
FRAMEWORKS = ("pytorch", "tensorflow", "jax")
EVERYWHERE = {
    *("import", "devices", "data", "op-parity", "gradient-parity", "golden-curve", "repeatability", "no-fallback"),
    *("learning", "transfer", "checkpoint", "export", "lstm", "transformer", "cleanup"),
}


def proven(python, framework, **request):
    return prove(Request(python=python, framework=framework, device="cpu", **request), look=HostLook, watcher=Silent())


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_what_a_framework_offers_is_in_the_catalogue_and_has_a_module(framework):
    offered = importlib.import_module(f"envsetup.smoke.payload.{framework}").CHECKS
    assert {"import", *offered} >= EVERYWHERE
    assert set(offered) <= {spec.id for spec in catalogue().checks}
    for module in offered.values():
        place = (
            ROOM / "payload" / (f"{framework}/{module}" if not module.startswith(".") else module[1:].replace(".", "/"))
        )
        assert place.with_suffix(".py").is_file()


def test_a_check_that_is_named_is_run_whatever_its_level():
    specs = planned(Request(python="python", device="cpu", level="quick", checks=["lstm"]))
    assert [spec.id for spec in specs] == ["import", "lstm"]


@pytest.mark.parametrize("framework", ["tensorflow", "jax"])
def test_a_check_that_a_framework_does_not_have_never_passes(framework):
    request = Request(python="python", framework=framework, device="cpu", checks=["compile"])
    with pytest.raises(InputError, match=r"--check compile: .* has no such check"):
        planned(request)
    with pytest.raises(InputError, match="none of"):
        every([framework], lambda _: planned(request))


@pytest.fixture(scope="module")
def quick(torch_python, framework_python):
    pythons = {"pytorch": torch_python, **{name: framework_python(name) for name in ("tensorflow", "jax")}}
    return {name: proven(python, name) for name, python in pythons.items()}


@pytest.mark.install
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_quick_level_passes(quick, framework):
    report = quick[framework]
    assert report.verdict == "pass", report.headline
    assert {check.framework for check in report.checks} == {framework}
    passed = {check.id for check in report.checks if check.status == "PASS"}
    assert passed >= {spec.id for spec in catalogue().level("quick") if not spec.on and spec.where == "target"}


@pytest.mark.install
def test_all_frameworks_meet_the_same_golden_curve_and_learn_from_the_same_start(quick):
    evidence = {name: {check.id: check.evidence for check in report.checks} for name, report in quick.items()}
    golden = [found["golden-curve"]["losses"] for found in evidence.values()]
    first = [found["learning"]["losses"][:5] for found in evidence.values()]
    for other in (1, 2):
        assert golden[other] == pytest.approx(golden[0], rel=1e-6)
        assert first[other] == pytest.approx(first[0], rel=1e-4)


@pytest.mark.install
@pytest.mark.parametrize("framework", ["tensorflow", "jax"])
def test_sequences_checkpoints_and_exported_files(framework_python, framework):
    checks = ["lstm", "transformer", "checkpoint", "export", "cleanup"]
    report = proven(framework_python(framework), framework, level="standard", checks=checks)
    assert report.verdict == "pass", report.headline
    statuses = {check.id: check.status for check in report.checks}
    assert statuses.pop("export") in ("PASS", "SKIP" if framework == "jax" else "PASS")  # JAX needs flatbuffers for it
    assert set(statuses.values()) == {"PASS"}


@pytest.mark.torch
def test_linear_models_cannot_solve_the_sequences(in_torch):
    """Ridge regression on one-hot tokens, the best of three strengths; the networks must reach 0.9."""
    found = in_torch(
        """
import json, numpy as np
from payload import tasks
def one_hot(x, size):
    return np.eye(size, dtype=np.float32)[x].reshape(len(x), -1)
def features(name, x):
    if name == "marked_bits":
        return one_hot(x, 4)
    return np.concatenate([one_hot(x[..., 0], 16), one_hot(x[..., 1], 11)], 1)
best = {}
for name, classes in (("marked_bits", 2), ("lookups", 10)):
    (x, y), (xt, yt) = (getattr(tasks, name)(*how) for how in ((20000, 0), (2000, 999_983)))
    x, xt = features(name, x), features(name, xt)
    for strength in (1.0, 1e2, 1e3):
        gram = x.T @ x + strength * np.eye(x.shape[1], dtype=np.float32)
        answers = (xt @ np.linalg.solve(gram, x.T @ np.eye(classes, dtype=np.float32)[y])).argmax(1)
        best[name] = max(best.get(name, 0), float((answers == yt).mean()))
print(json.dumps(best))
"""
    )
    assert found["marked_bits"] < 0.55
    assert found["lookups"] < 0.35


@pytest.mark.torch
def test_initial_weights_have_the_scale_of_their_layers(in_torch):
    found = in_torch(
        """
import json, numpy as np
from payload import networks
made = {name: networks.initial(name, 3) for name in ("cnn", "lstm", "transformer")}
print(json.dumps({
    "conv2": float(made["cnn"]["conv2.weight"].std() * (3 * 32 * 9) ** 0.5),
    "embed": float(made["transformer"]["key.weight"].std()),
    "norm": [float(made["transformer"]["0.norm1.weight"].min()), float(made["transformer"]["0.norm1.bias"].max())],
    "other": bool(np.array_equal(made["cnn"]["fc1.weight"], networks.initial("cnn", 4)["fc1.weight"])),
    "epoch": len(set(networks.order(4000, 64, 0).reshape(-1).tolist())),
}))
"""
    )
    assert found["conv2"] == pytest.approx(1, abs=0.02)  # uniform within 1 / sqrt(fan-in)
    assert found["embed"] == pytest.approx(1, abs=0.05)
    assert found["norm"] == [1.0, 0.0]
    assert not found["other"]
    assert found["epoch"] == 62 * 64  # every image once
