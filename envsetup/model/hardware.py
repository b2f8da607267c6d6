"""What the machine is made of. Units stand in the field names (mib, kib, w, c, mhz)."""

from __future__ import annotations

from typing import Optional

import msgspec

from envsetup.model.maybe import UNKNOWN, Maybe


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every group of facts: frozen; what is UNKNOWN is left out of the JSON."""


class Cpu(Fact, frozen=True, kw_only=True):
    """Processor. `usable` is what a process may really use: the least of affinity, cgroup quota and logical cores."""

    model: Maybe[str] = UNKNOWN
    vendor: Maybe[str] = UNKNOWN
    logical: Maybe[int] = UNKNOWN
    physical: Maybe[int] = UNKNOWN
    affinity: Maybe[int] = UNKNOWN
    cgroup_quota: Maybe[Optional[float]] = UNKNOWN
    usable: Maybe[float] = UNKNOWN
    flags: Maybe[list[str]] = UNKNOWN  # only those of AVX, AVX2, AVX512*, AMX*, FMA, SSE4_2, ASIMD, SVE ... present


class Memory(Fact, frozen=True, kw_only=True):
    """Main memory in MiB; the cgroup limit is None where there is none."""

    total_mib: Maybe[int] = UNKNOWN
    available_mib: Maybe[int] = UNKNOWN
    cgroup_limit_mib: Maybe[Optional[int]] = UNKNOWN
    swap_total_mib: Maybe[int] = UNKNOWN
    swap_free_mib: Maybe[int] = UNKNOWN
    hugepages_mib: Maybe[int] = UNKNOWN  # set aside as huge pages, in use or not


class Disk(Fact, frozen=True, kw_only=True):
    """The file system under a folder that matters. `role`: target, temp, cache, home, shm."""

    role: str
    path: Maybe[str] = UNKNOWN
    filesystem: Maybe[str] = UNKNOWN
    total_mib: Maybe[int] = UNKNOWN
    free_mib: Maybe[int] = UNKNOWN
    inodes_total: Maybe[int] = UNKNOWN
    inodes_free: Maybe[int] = UNKNOWN
    read_only: Maybe[bool] = UNKNOWN
    noexec: Maybe[bool] = UNKNOWN
    writable: Maybe[bool] = UNKNOWN


class Limits(Fact, frozen=True, kw_only=True):
    """Process limits; None means unlimited."""

    nofile_soft: Maybe[Optional[int]] = UNKNOWN
    nofile_hard: Maybe[Optional[int]] = UNKNOWN
    memlock_kib: Maybe[Optional[int]] = UNKNOWN
    nproc: Maybe[Optional[int]] = UNKNOWN
    pids_max: Maybe[Optional[int]] = UNKNOWN
    shm_total_mib: Maybe[Optional[int]] = UNKNOWN
    shm_free_mib: Maybe[Optional[int]] = UNKNOWN
    map_count: Maybe[int] = UNKNOWN  # memory areas that a process may have, vm.max_map_count


class PciDevice(Fact, frozen=True, kw_only=True):
    """A display or accelerator device on the PCI bus, from sysfs: seen even when no driver is."""

    address: str
    vendor_id: str  # four lower-case hex digits, e.g. 10de
    device_id: str
    class_id: str  # six hex digits, e.g. 030200
    vendor: Maybe[str] = UNKNOWN  # nvidia, amd, intel, other
    name: Maybe[Optional[str]] = UNKNOWN
    driver: Maybe[Optional[str]] = UNKNOWN  # kernel driver bound; None when none is
    enabled: Maybe[bool] = UNKNOWN
    power_state: Maybe[str] = UNKNOWN
    link_speed: Maybe[str] = UNKNOWN
    link_width: Maybe[int] = UNKNOWN
    max_link_speed: Maybe[str] = UNKNOWN
    max_link_width: Maybe[int] = UNKNOWN
    bar_total_mib: Maybe[int] = UNKNOWN
    numa_node: Maybe[int] = UNKNOWN  # whose memory is near; unknown where the machine has only one


class RdmaPort(Fact, frozen=True, kw_only=True):
    """A port of an InfiniBand or RoCE card. `state`: active, down, init, armed."""

    device: str
    port: int
    state: Maybe[str] = UNKNOWN
    rate: Maybe[str] = UNKNOWN  # as the kernel words it, e.g. 400 Gb/sec (4X NDR)


class GpuProcess(Fact, frozen=True, kw_only=True):
    """A process that holds memory on a GPU; `name` is the executable's base name, never its arguments."""

    pid: Maybe[int] = UNKNOWN
    name: Maybe[str] = UNKNOWN
    memory_mib: Maybe[int] = UNKNOWN
    alive: Maybe[bool] = UNKNOWN


class Gpu(Fact, frozen=True, kw_only=True):
    """One accelerator as its driver describes it. `compute_capability` is major.minor (NVIDIA), `gfx` AMD's target."""

    vendor: str  # nvidia, amd, intel, apple
    index: Maybe[int] = UNKNOWN
    name: Maybe[str] = UNKNOWN
    compute_capability: Maybe[Optional[str]] = UNKNOWN
    gfx: Maybe[Optional[str]] = UNKNOWN
    pci_address: Maybe[str] = UNKNOWN
    memory_mib: Maybe[int] = UNKNOWN
    memory_used_mib: Maybe[int] = UNKNOWN
    utilization_pct: Maybe[int] = UNKNOWN
    temperature_c: Maybe[int] = UNKNOWN
    power_w: Maybe[float] = UNKNOWN
    power_limit_w: Maybe[float] = UNKNOWN
    clock_sm_mhz: Maybe[int] = UNKNOWN
    clock_sm_max_mhz: Maybe[int] = UNKNOWN
    throttle_reasons: Maybe[list[str]] = UNKNOWN
    ecc_mode: Maybe[Optional[str]] = UNKNOWN  # enabled, disabled; None when the card has no ECC
    ecc_mode_pending: Maybe[Optional[str]] = UNKNOWN
    ecc_uncorrected_volatile: Maybe[int] = UNKNOWN
    ecc_uncorrected_aggregate: Maybe[int] = UNKNOWN
    remapped_rows_pending: Maybe[bool] = UNKNOWN
    remapped_rows_failure: Maybe[bool] = UNKNOWN
    retired_pages_pending: Maybe[bool] = UNKNOWN  # the way of cards before Ampere
    mig_mode: Maybe[Optional[str]] = UNKNOWN  # enabled, disabled; None when the card has no MIG
    mig_mode_pending: Maybe[Optional[str]] = UNKNOWN  # the mode after the next reset
    mig_instances: Maybe[int] = UNKNOWN
    compute_mode: Maybe[str] = UNKNOWN  # default, exclusive, prohibited
    persistence_mode: Maybe[bool] = UNKNOWN
    pcie_gen: Maybe[int] = UNKNOWN
    pcie_gen_max: Maybe[int] = UNKNOWN
    pcie_width: Maybe[int] = UNKNOWN
    pcie_width_max: Maybe[int] = UNKNOWN
    nvlinks: Maybe[list[bool]] = UNKNOWN  # each NVLink of the card, by number: whether it is up
    virtualization: Maybe[str] = UNKNOWN  # none, passthrough, vgpu
    processes: Maybe[list[GpuProcess]] = UNKNOWN
    error: Maybe[str] = UNKNOWN  # what the driver answered instead of facts, e.g. "GPU is lost"
