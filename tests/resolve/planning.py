"""Machines in one line, for tests of the resolver."""

from __future__ import annotations

from envsetup.model.drivers import Driver
from envsetup.model.hardware import Gpu
from envsetup.model.machine import Container, Libc, Machine, OperatingSystem
from envsetup.model.plan import Request
from envsetup.model.software import Python
from envsetup.resolve import resolve
from envsetup.resolve.whatif import vendor_of

NONE = object()


def machine(
    *gpus,
    driver=NONE,
    os="linux",
    arch="x86_64",
    glibc="2.39",
    python="3.12",
    musl=False,
    wsl=False,
    container=NONE,
    **facts,
):
    """A machine with GPUs by name ("NAME" or ("NAME", cc)); everything else has the value of an ordinary machine."""
    listed = []
    for number, gpu in enumerate(gpus):
        name, cc = gpu if isinstance(gpu, tuple) else (gpu, None)
        known = {"compute_capability": cc} if cc else {}
        vendor = vendor_of(name) if cc is None else "nvidia"
        listed.append(Gpu(vendor=vendor, name=name, index=number, **known))
    if driver is not NONE:
        facts["driver"] = Driver(nvidia=driver)
    if os == "linux":
        facts["libc"] = Libc(name="musl" if musl else "glibc", version=glibc) if glibc else Libc(name="glibc")
    if python:
        facts["python"] = Python(version=python.rstrip("t"), free_threaded=python.endswith("t"))
    if container is not NONE:
        facts["container"] = Container(runtime=container)
    return Machine(os=OperatingSystem(system=os, wsl=wsl), arch=arch, gpus=listed, **facts)


def plan(here, *frameworks, device="gpu", offers=None, **request):
    return resolve(Request(frameworks=list(frameworks) or ["pytorch"], device=device, **request), here, offers)


def label(result):
    """What was decided in one word: 2.14.1+cu126, or the deciding constraint."""
    if result.status == "impossible":
        return result.impossible.constraint
    first = result.packages[0]
    return f"{first.version}+{first.variant}" if first.variant else first.version
