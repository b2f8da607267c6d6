"""What holds for every machine: no plan breaks a row, a newer driver breaks no plan, each sentence has its facts."""

from __future__ import annotations

import json

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from planning import machine, plan

from envsetup.compat import arch, drivers, gpus, jax, tensorflow, torch
from envsetup.compat.tables import at_least, key
from envsetup.model.codec import from_json, to_json
from envsetup.model.hardware import Gpu
from envsetup.model.machine import Machine
from envsetup.model.plan import Plan

# Old drivers and Pythons are drawn as often as new ones, so on many machines nothing runs, which some tests pass over.
SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much]
SETTINGS = settings(max_examples=150, deadline=None, suppress_health_check=SLOW)
NVIDIA = [row.name for row in gpus.table().nvidia]
DRIVERS = ["440.33.01", "450.80.02", "470.256.02", "520.61.05", "525.60.13", "535.183.01", "550.54.14", "560.35.05"]
DRIVERS += ["570.124.06", "575.57.08", "580.95.05", "590.48.01", "595.58.03", "610.43.02"]
PYTHONS = ["3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.15", "3.13t", "3.14t", "3.15t", "3.16"]
GLIBCS = ["2.12", "2.17", "2.27", "2.28", "2.31", "2.35", "2.39"]
FRAMEWORKS = ["pytorch", "tensorflow", "jax"]


@st.composite
def machines(draw, *, vendors=("nvidia", "amd", "intel", "none")):
    systems = ["linux", "linux", "linux", "windows"]
    os = draw(st.sampled_from(systems if vendors == ("nvidia",) else [*systems, "macos"]))
    cpu = {"linux": ["x86_64", "x86_64", "aarch64"], "windows": ["x86_64"], "macos": ["arm64", "x86_64"]}[os]
    vendor = draw(st.sampled_from(vendors)) if os != "macos" else "none"
    names = {
        "nvidia": st.lists(st.sampled_from(NVIDIA), min_size=1, max_size=2),
        "amd": st.sampled_from([[f"AMD {row.names[0]}"] for row in gpus.table().amd]),
        "intel": st.sampled_from([["Intel Arc A770"], ["Intel(R) UHD Graphics 630"]]),
        "none": st.just([]),
    }[vendor]
    facts = {"driver": draw(st.sampled_from(DRIVERS))} if vendor == "nvidia" else {}
    described = machine(
        os=os,
        arch=draw(st.sampled_from(cpu)),
        python=draw(st.sampled_from(PYTHONS)),
        glibc=draw(st.sampled_from(GLIBCS)),
        musl=draw(st.integers(0, 15)) == 0,
        wsl=os == "linux" and draw(st.integers(0, 7)) == 0,
        **facts,
    )
    listed = [Gpu(vendor=vendor, name=name, index=number) for number, name in enumerate(draw(names))]
    raw = json.loads(to_json(described)) | {
        "gpus": [{"vendor": g.vendor, "name": g.name, "index": g.index} for g in listed]
    }
    return from_json(json.dumps(raw), Machine, name="drawn")


@SETTINGS
@given(machines(), st.sampled_from(FRAMEWORKS), st.sampled_from(["auto", "gpu", "cpu"]))
def test_the_same_input_gives_the_same_plan(here, framework, device):
    first, second = (plan(here, framework, device=device) for _ in range(2))
    assert to_json(first) == to_json(second)
    assert from_json(to_json(first), Plan, name="plan") == first


@SETTINGS
@given(machines(), st.sampled_from(FRAMEWORKS), st.sampled_from(["auto", "gpu", "cpu"]))
def test_every_sentence_names_its_fact_and_row(here, framework, device):
    result = plan(here, framework, device=device)
    for reason in result.reasons:
        assert reason.text
        assert reason.evidence
        assert "2026" in reason.table
    assert all(row.text and row.constraint for row in result.rejected)
    assert all(alternative.text and alternative.cost for alternative in result.alternatives)
    if result.status == "impossible":
        assert result.impossible.text
        assert result.impossible.nearest
        assert result.packages == []
    else:
        assert result.reasons
        assert result.impossible is None
    assert result.status == "impossible" or device != "gpu" or result.device != "cpu"
    assert device != "cpu" or result.device == "cpu"


def capabilities(here):
    return [row.cc for gpu in here.gpus if (row := gpus.compute_capability(gpu.name))]


@SETTINGS
@given(machines(vendors=("nvidia",)))
def test_no_pytorch_plan_breaks_a_row(here):
    result = plan(here)
    assume(result.status == "ok" and result.device == "cuda")
    package = result.packages[0]
    system, cpu = here.os.system, here.arch
    driver_os = "windows" if here.os.wsl or system == "windows" else "linux"
    built = torch.arch_list(package.version, package.variant, system, cpu)
    floor = drivers.minimum_driver(torch.cuda_of(package.variant), driver_os)
    native = floor.native is not None and at_least(here.driver.nvidia, floor.native)
    assert at_least(here.driver.nvidia, floor.minor_compat)
    for cc in capabilities(here):
        assert arch.covers(built.archs, cc, native_driver=native)
        assert drivers.drives(here.driver.nvidia, cc).ok
        assert torch.cudnn_floor(package.version, cc) is None
    tag = here.python.version + ("t" if here.python.free_threaded else "")
    assert tag.rstrip("t") in torch.pythons(package.version, system, cpu, free_threaded=tag.endswith("t"))
    if system == "linux":
        assert here.libc.name == "glibc"
        assert at_least(here.libc.version, torch.libc_floor(package.version, package.variant, cpu))
    vision = next((p for p in result.packages if p.name == "torchvision"), None)
    assert vision is None or torch.matches(package.version, vision.version)


@SETTINGS
@given(machines(vendors=("nvidia",)))
def test_no_newer_confirmed_build_would_have_done(here):
    result = plan(here)
    assume(result.status == "ok" and result.device == "cuda")
    package = result.packages[0]
    rejected = {row.candidate for row in result.rejected}
    for release in torch.releases():
        if key(release.version) <= key(package.version):
            continue
        for variant in torch.variants(release.version, here.os.system, here.arch):
            if variant.name.startswith("cu") and variant.certain:
                assert f"{release.version}+{variant.name}" in rejected


@SETTINGS
@given(machines(vendors=("nvidia",)))
def test_no_tensorflow_or_jax_plan_breaks_a_row(here):
    result = plan(here, "tensorflow")
    if result.status == "ok" and result.device == "cuda":
        version = result.packages[0].version
        row = tensorflow.release(version)
        assert tensorflow.uses_gpu(version, here.os.system, here.arch)
        assert here.python.version in tensorflow.pythons(version, here.os.system, here.arch)
        assert here.os.system != "linux" or at_least(here.libc.version, row.glibc)
        for cc in capabilities(here):
            assert arch.covers(row.archs.split(), cc)
            held = tensorflow.needs_cudnn_pin(version, cc)
            assert held is None or any(p.name == held.package and p.version == held.last for p in result.packages)
    result = plan(here, "jax")
    if result.status == "ok" and result.device == "cuda":
        plug = jax.plugin(result.packages[0].variant)
        assert at_least(here.driver.nvidia, plug.driver)
        assert all(key(cc) >= key(plug.min_cc) for cc in capabilities(here))


@settings(SETTINGS, max_examples=60)
@given(machines(vendors=("nvidia",)), st.sampled_from(FRAMEWORKS))
def test_a_newer_driver_never_breaks_a_plan_while_its_branch_drives_the_gpu(here, framework):
    best: tuple[int, ...] = ()
    for driver in DRIVERS:
        if not all(drivers.drives(driver, cc).ok for cc in capabilities(here)):
            continue
        raw = json.loads(to_json(here)) | {"driver": {"nvidia": driver}}
        result = plan(from_json(json.dumps(raw), Machine, name="drawn"), framework)
        assert result.status == "ok" or not best, f"driver {driver}: {result.impossible}"
        if result.status == "ok":
            found = key(result.packages[0].version)
            assert found >= best, f"driver {driver} leads to an older release"
            best = found


@SETTINGS
@given(machines(), st.sampled_from(FRAMEWORKS))
def test_knowing_less_never_raises(here, framework):
    raw = json.loads(to_json(here))
    for fact in list(raw):
        if fact != "schema":
            less = {name: value for name, value in raw.items() if name != fact}
            assert plan(from_json(json.dumps(less), Machine, name="drawn"), framework, device="auto").status
