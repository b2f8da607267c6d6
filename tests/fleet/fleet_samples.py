"""Reports as hosts send them, made from the model's own values."""

from __future__ import annotations

import msgspec

from envsetup.model import hardware, machine
from envsetup.model.drivers import Driver
from envsetup.model.finding import CheckResult, DoctorReport, Evidence, Finding, Target, Verdict
from envsetup.model.software import Environment, Framework, Python


def node(**changes):
    """A machine of a cluster: 8 GPUs, an environment with PyTorch. `changes` replace whole groups."""
    gpu = hardware.Gpu(
        vendor="nvidia",
        name="NVIDIA H100 80GB HBM3",
        compute_capability="9.0",
        memory_mib=81559,
        ecc_mode="enabled",
        mig_mode="disabled",
        persistence_mode=True,
        temperature_c=41,
        power_limit_w=700.0,
    )
    groups = {
        "os": machine.OperatingSystem(system="linux", distro="ubuntu 22.04", kernel="5.15.0-119-generic", wsl=False),
        "arch": "x86_64",
        "libc": machine.Libc(name="glibc", version="2.35"),
        "cpu": hardware.Cpu(model="Intel(R) Xeon(R) Platinum 8480C", logical=224, physical=112),
        "memory": hardware.Memory(total_mib=2063782, available_mib=1900000, swap_total_mib=0),
        "driver": Driver(nvidia="580.65.06", rocm=None),
        "gpus": [msgspec.structs.replace(gpu, index=i, temperature_c=40 + i) for i in range(8)],
        "env": {"LD_LIBRARY_PATH": "/usr/local/cuda/lib64"},
        "python": Python(version="3.12.4"),
        "environment": Environment(
            kind="venv",
            path="/srv/venv",
            python=Python(version="3.12.4"),
            packages={"torch": "2.14.1", "numpy": "2.1.0"},
            frameworks=[Framework(name="torch", version="2.14.1", variant="cu126")],
        ),
    }
    return machine.Machine(**{**groups, **changes})


def finding(code, severity="error", **more):
    return Finding(
        code=code,
        severity=severity,
        confidence="certain",
        subject="host",
        title=f"title of {code}",
        evidence=[Evidence(what="driver", value="1", source="nvml")],
        consequence="training fails",
        **more,
    )


def doctor(*findings, host=None, machine=None, status=None, headline="PyTorch 2.14.1+cu126 can use 8 GPUs"):
    """A doctor's report; `broken` as soon as there is a finding of severity error."""
    more = {name: value for name, value in (("host", host), ("machine", machine)) if value is not None}
    worst = any(f.severity in {"error", "critical"} for f in findings)
    return DoctorReport(
        version="0.1.0",
        target=Target(kind="live", env="/srv/venv"),
        verdict=Verdict(status=status or ("broken" if worst else "ready"), headline=headline),
        findings=list(findings),
        checks=[CheckResult(id="driver", status="ok")],
        **more,
    )


def encoded(value, *, indent=2):
    return msgspec.json.format(msgspec.json.encode(value), indent=indent)
