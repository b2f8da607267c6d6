"""Space, inodes and flags of the file systems that matter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsetup.doctor.check import Check, Outcome, finding, seen
from envsetup.doctor.when import ENVIRONMENT, WSL, env_subject, frameworks
from envsetup.model.maybe import known

if TYPE_CHECKING:
    from envsetup.doctor.case import Case
    from envsetup.model.finding import Evidence
    from envsetup.model.hardware import Disk

FULL_MIB = 1024  # below this even small installs and checkpoints fail
INSTALL_MIB = 10 * 1024  # a CUDA environment of PyTorch takes 6 to 9 GB with its unpacking
INODES_FEW = 10_000  # one PyTorch environment holds more files than this
TEMP_MIB = 2048
NETWORK = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "lustre", "gpfs", "beegfs", "ceph", "fuse.sshfs", "9p")
MODEL_CACHES = ("HF_HOME", "HF_HUB_CACHE", "XDG_CACHE_HOME")
WRITTEN = ("target", "temp", "cache", "home")


def _disks(case: Case, *roles: str) -> list[Disk]:
    """Those that hold something: file systems without a size of their own (autofs, FUSE, /proc) report 0 in total."""
    disks = [disk for disk in known(case.machine.disks) or [] if disk.total_mib != 0]
    return [disk for disk in disks if disk.role in (roles or WRITTEN)]


def _seen(disk: Disk, value: str) -> Evidence:
    path = known(disk.path) or disk.role
    return seen(f"{disk.role} folder {path}", value, f"statvfs {path}")


def full(case: Case) -> Outcome:
    """Roles often share a file system: each is named once."""
    low = {(d.free_mib, d.total_mib): d for d in _disks(case, "target", "temp", "cache") if isinstance(d.free_mib, int)}
    out = [disk for disk in low.values() if (known(disk.free_mib) or 0) < FULL_MIB]
    if out:
        return finding("disk-full", *[_seen(disk, f"{disk.free_mib} MiB free") for disk in out])
    tight = [d for d in low.values() if (known(d.free_mib) or 0) < INSTALL_MIB and d.role == "target"]
    if tight and not frameworks(case):
        return finding(
            "disk-full",
            *[_seen(disk, f"{(known(disk.free_mib) or 0) / 1024:.1f} GiB free") for disk in tight],
            severity="warning",
            title="The space left is short for a GPU environment",
            consequence='Installing a CUDA build of PyTorch may fail with "No space left on device".',
        )
    return None


def inodes(case: Case) -> Outcome:
    """File systems such as btrfs have no fixed number of inodes and report 0 in total."""
    out = [
        disk
        for disk in _disks(case)
        if known(disk.inodes_total) and isinstance(disk.inodes_free, int) and disk.inodes_free < INODES_FEW
    ]
    unique = {(disk.inodes_total, disk.inodes_free): disk for disk in out}
    if not unique:
        return None
    return finding("inodes-full", *[_seen(disk, f"{disk.inodes_free} inodes free") for disk in unique.values()])


def temp(case: Case) -> Outcome:
    """A full one is the finding disk-full; here it is too small by its size, or forbids programs."""
    evidence = [
        _seen(disk, "mounted noexec" if disk.noexec is True else f"{disk.total_mib} MiB in total")
        for disk in _disks(case, "temp")
        if disk.noexec is True or (isinstance(disk.total_mib, int) and disk.total_mib < TEMP_MIB)
    ]
    return finding("tmp-small-or-noexec", *evidence, severity="warning") if evidence else None


def read_only(case: Case) -> Outcome:
    """Read-only home folders of immutable images are by design; only where an environment is to live it hurts."""
    out = [disk for disk in _disks(case, "target") if disk.read_only is True]
    if not out:
        return None
    return finding(
        "readonly-filesystem",
        *[_seen(disk, "mounted read-only") for disk in out],
        severity="warning",
        consequence="Nothing can be installed into this folder.",
    )


def network_home(case: Case) -> Outcome:
    out = [disk for disk in _disks(case, "target") if (known(disk.filesystem) or "") in NETWORK]
    if not out or case.os.wsl is True:
        return None
    return finding(
        "slow-network-home",
        *[_seen(disk, known(disk.filesystem) or "") for disk in out],
        subject=env_subject(case),
        severity="info",
    )


def windows_drive(case: Case) -> Outcome:
    """9p and drvfs are the bridges to the drives of Windows."""
    out = [disk for disk in _disks(case, "target") if (known(disk.filesystem) or "") in ("9p", "drvfs", "v9fs")]
    return finding("wsl-data-on-mnt-c", *[_seen(d, known(d.filesystem) or "") for d in out]) if out else None


def cache(case: Case) -> Outcome:
    """Models are kept there; variables may lead elsewhere, and a container often has nothing but a read-only image."""
    if any(case.variables.get(name) for name in MODEL_CACHES) or not frameworks(case):
        return None
    out = [disk for disk in _disks(case, "cache") if disk.writable is False or disk.read_only is True]
    if not out:
        return None
    return finding(
        "hf-cache-unwritable",
        *[_seen(disk, "cannot be written") for disk in out],
        severity="info",
        consequence="Downloads of models and compiled kernels fail, or are made again each time.",
    )


CHECKS = (
    Check("disk-full", "storage", full, needs=("disks",)),
    Check("inodes-full", "storage", inodes, needs=("disks",)),
    Check("tmp-small-or-noexec", "storage", temp, needs=("disks",)),
    Check("readonly-filesystem", "storage", read_only, needs=("disks",)),
    Check("slow-network-home", "storage", network_home, needs=("disks",)),
    Check("hf-cache-unwritable", "storage", cache, ENVIRONMENT, ("disks",)),
    Check("wsl-data-on-mnt-c", "wsl", windows_drive, WSL, ("disks",)),
)
