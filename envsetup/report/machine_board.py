"""The machine drawn as a board: the host with its parts, the bus, and the GPUs on it with the state of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsetup.doctor.when import VENDOR_IDS, pci_gpus
from envsetup.model.maybe import known
from envsetup.report.machine_lines import host_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from envsetup.doctor.case import Case
    from envsetup.model.finding import Finding
    from envsetup.model.hardware import Gpu, PciDevice

    Safe = Callable[[str], str]

DRAWN = 16  # cards; more make no picture
VENDORS = {"nvidia": "NVIDIA", "amd": "AMD", "intel": "Intel", "apple": "Apple"}


def board(case: Case, findings: Sequence[Finding], anchors: Mapping[int, str], safe: Safe) -> str:
    """The drawing, or nothing where neither a host nor a GPU is known. `anchors` are the findings' ids by place."""
    gpus = known(case.machine.gpus) or []
    silent = [device for vendor in VENDOR_IDS for device in pci_gpus(case, vendor) if not _answers(device, gpus)]
    parts = "".join(f"<li><strong>{label}</strong> {safe(text)}</li>" for label, text in host_parts(case.machine))
    cards = [_card(gpu, findings, anchors, safe) for gpu in gpus] + [_silent(device, safe) for device in silent]
    if not parts and not cards:
        return ""
    if len(cards) > DRAWN:
        cards[DRAWN:] = [f"<li>and {len(cards) - DRAWN} more</li>"]
    drawn = f'<ul class="gpus">{"".join(cards)}</ul>{_fabric(case)}' if cards else ""
    head = '<h2 id="machine">The machine</h2>'
    return f'<section class="board" aria-labelledby="machine">{head}<ul class="parts">{parts}</ul>{drawn}</section>'


def _answers(device: PciDevice, gpus: Sequence[Gpu]) -> bool:
    """Whether a GPU of the bus is one that a driver described; without addresses the vendor must do."""
    same = [gpu for gpu in gpus if VENDOR_IDS.get(gpu.vendor) == device.vendor_id]
    addresses = [known(gpu.pci_address) for gpu in same]
    return device.address in addresses or bool(same and None in addresses)


def _card(gpu: Gpu, findings: Sequence[Finding], anchors: Mapping[int, str], safe: Safe) -> str:
    index = known(gpu.index)
    mine = [
        place for place, found in enumerate(findings) if found.subject == f"gpu:{index}" and found.severity != "info"
    ]
    looks = "" if not mine else "warn" if all(findings[place].severity == "warning" for place in mine) else "bad"
    name = known(gpu.name) or f"{VENDORS.get(gpu.vendor, gpu.vendor)} GPU"
    number = f"{index}: " if index is not None else ""
    head = [f"<strong>{safe(number + name)}</strong>", _architecture(gpu, safe), _nvlinks(gpu)]
    rows = [*head, *_memory(gpu), _state(gpu, safe)]
    rows += [f'<a href="#{safe(anchors[place])}">{safe(findings[place].code)}</a>' for place in mine]
    bus = _bus(gpu, safe)
    wire = f'<div class="bus">{bus}</div>' if bus or gpu.vendor != "apple" else ""
    return f'<li>{wire}<div class="gpu {looks}">{"".join(rows)}</div></li>'


def _silent(device: PciDevice, safe: Safe) -> str:
    vendor = next((name for name, number in VENDOR_IDS.items() if number == device.vendor_id), "")
    name = known(device.name) or f"{VENDORS.get(vendor, '')} {device.vendor_id}:{device.device_id}"
    driver = known(device.driver)
    says = f"kernel driver {driver}" if driver else "no kernel driver" if device.driver is None else "no answer"
    return (
        f'<li><div class="bus">{_link(device, safe)}</div><div class="gpu gone"><strong>{safe(name.strip())}</strong>'
        f'<span class="bad">on the bus, not usable: {safe(says)}</span></div></li>'
    )


def _link(device: PciDevice, safe: Safe) -> str:
    width = known(device.link_width)
    return f"PCIe x{width}" if width else safe(device.address)


def _bus(gpu: Gpu, safe: Safe) -> str:
    """The link as it could be, and its width where it is not all of that; an idle GPU's generation says nothing."""
    generation, width, full = known(gpu.pcie_gen_max), known(gpu.pcie_width), known(gpu.pcie_width_max)
    if width is None:
        return safe(known(gpu.pci_address) or "")
    speed = f"PCIe {generation} " if generation else "PCIe "
    narrow = f' <span class="warn">of x{full}</span>' if full and width < full else ""
    return f"{speed}x{width}{narrow}"


def _architecture(gpu: Gpu, safe: Safe) -> str:
    capability = known(gpu.compute_capability)
    gfx = known(gpu.gfx)
    text = f"sm_{capability.replace('.', '')}" if capability else gfx or ""
    mig = f", MIG: {known(gpu.mig_instances) or 0} instances" if gpu.mig_mode == "enabled" else ""
    return f"<span>{safe(text + mig)}</span>" if text or mig else ""


def _nvlinks(gpu: Gpu) -> str:
    links = known(gpu.nvlinks) or []
    up = sum(links)
    looks = ' class="bad"' if 0 < up < len(links) else ""  # a card may have links that nothing is plugged into
    return f"<span{looks}>NVLink: {up} of {len(links)} up</span>" if links else ""


def _memory(gpu: Gpu) -> Iterator[str]:
    total, used = known(gpu.memory_mib), known(gpu.memory_used_mib)
    if not total:
        return
    if used is None:
        yield f"<span>{total / 1024:.0f} GB</span>"
        return
    share = max(0, min(100, round(100 * used / total)))
    yield f"<span>{used / 1024:.1f} of {total / 1024:.0f} GB used</span>"
    yield f'<div class="bar"><i style="width:{share}%"></i></div>'


def _state(gpu: Gpu, safe: Safe) -> str:
    if known(gpu.error):
        return f'<span class="bad">{safe(known(gpu.error) or "")}</span>'
    temperature, busy, power = known(gpu.temperature_c), known(gpu.utilization_pct), known(gpu.power_w)
    parts = [
        f"{temperature} °C" if temperature is not None else "",
        f"{busy} % busy" if busy is not None else "",
        f"{power:.0f} W" if power is not None else "",
    ]
    text = ", ".join(part for part in parts if part)
    return f"<span>{text}</span>" if text else ""


def _fabric(case: Case) -> str:
    """What connects the GPUs beside PCIe, as far as somebody looked."""
    switches, manager = known(case.nvidia.nvswitches), known(case.nvidia.fabric_manager)
    if not switches:
        return ""
    told = f", fabric manager {'running' if manager == 'running' else manager or 'not installed'}"
    return f'<p class="fabric">NVLink through {switches} NVSwitches{told}</p>'
