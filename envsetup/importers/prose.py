"""What sentences say in passing: "RTX 5090", "driver 550", "torch 2.6.0+cu124", "Windows 11", "WSL2", "Python 3.13".

Weak facts: any tool's output outweighs them, and `Imported.weak` lists them.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from envsetup.importers import pip_list, words
from envsetup.importers.facts import SAID

if TYPE_CHECKING:
    from collections.abc import Callable

    from envsetup.importers.facts import Facts
    from envsetup.importers.page import Page

    _Reader = Callable[[Facts, str], None]

# A word ends where Chinese or Japanese goes on.
_WORDS = re.ASCII
_ANY_CASE = re.IGNORECASE | _WORDS
_GPUS = {
    "nvidia": re.compile(
        r"\b(?i:NVIDIA\s+)?(?i:GeForce\s+)?(?:"
        r"(?i:RTX|GTX)[\s-]?(?:PRO\s)?A?\d{3,4}M?"
        r"(?:[\s-]?(?i:Ti|SUPER|Max-Q|Ada|D|Laptop GPU|Blackwell)\b){0,3}"
        r"|(?:10[5-8]0|[234]0[5-9]0|50[5-9]0)(?:\s?(?i:Ti)|\s(?i:SUPER))?(?=\s(?:NVIDIA\s)?(?:GPUs?|cards?|graphics)\b)"
        r"|(?:GeForce\s)?(?:GT|MX)\s?\d{3,4}M?\b(?!\.)|GeForce\s\d{3}M?\b"
        r"|(?i:GTX\s)?(?:TITAN|Titan)(?:\s(?:Xp|X|V|RTX|Black|Z))?\b"
        r"|(?i:Tesla\s[KMPVT])\d{1,3}[\w-]{0,16}"
        r"|Quadro\s(?:RTX\s)?[A-Z]{0,2}\d{3,4}\w?"
        r"|(?:DGX\s)?(?:GB[23]00|GB10|GH200|B[123]00|H[12]00|H800|H20|A100|a100|h100|h200|v100|A800|V100|P100|L40S?|"
        r"A[1346]0G?|A6000|A5000|A4000|T4|K80|K40[cm]?|L4|A2|P40|M40|M60)"
        r"(?:-(?:SXM\d?|PCIE|PCIe)(?:-\d{2,3}GB)?)?\b(?!\.\d)"
        r"|(?i:Jetson\s(?:AGX\s)?(?:Orin|Xavier|Nano|TX[12]|Thor)(?:\s(?:Nano|NX))?)"
        r")",
        _WORDS,
    ),
    "amd": re.compile(
        r"\b(?:AMD\s+)?(?:Radeon\s+)?(?:RX\s?\d{3,4}(?:\s?(?:XTX|XT|GRE|M|S))?|"
        r"Radeon\s(?:Pro\s)?(?:VII|W\d{4}|\d{3,4}[MS]|Vega\s?\d{0,2})|(?:Instinct\s)?MI\d{2,3}[XA]?)\b",
        _WORDS,
    ),
    "intel": re.compile(
        r"\b(?:Intel\s+)?Arc(?:\(TM\))?\s(?:Pro\s)?[AB]\d{2,3}[MV]?\b|\bIntel(?:\(R\))?\s+Arc\b|"
        r"\bData Center GPU (?:Max|Flex)(?:\s\d{2,4})?",
        _WORDS,
    ),
    "apple": re.compile(r"\bApple\s(?:M\d(?:\s(?:Pro|Max|Ultra))?|silicon)\b|\bM[1-5]\s(?:Pro|Max|Ultra)\b", _WORDS),
}
_NAMES = (
    "torch|pytorch|torchvision|torchaudio|tensorflow-gpu|tensorflow-cpu|tensorflow|tf|jaxlib|jax|numpy|keras|flash[-_]attn|xformers|"
    "bitsandbytes|triton|vllm|transformers|sglang|deepspeed|protobuf|spacy|onnxruntime-gpu|mmcv-full|mmcv|detectron2|"
    "cudatoolkit|pip"
)
# What each of the names has in it, so that a line without any of them is not searched.
_PACKAGE_WORDS = {name.split("[")[0] for name in _NAMES.split("|")}
_PACKAGE = re.compile(
    rf"(?<![\w./-])({_NAMES})(?:\s?[=~]{{1,3}}\s?|\s(?:version\s?(?:is|:|=)?|v|is|=|:)\s?|\s|:\s?|-|\s\()v?"
    r"(\d{1,4}\.\d{1,3}(?:\.\d{1,3})?(?:(?:\.post|\.dev|rc)\d{1,8})?(?:\+[a-z]{2,4}\d{0,4}(?:\.\d{1,2}){0,2})?)(?!\d|\.\d)",
    _ANY_CASE,
)
_DRIVER = re.compile(
    r"(?:nvidia|driver|drivers|nvidia-driver)s?(?:\s(?:win10|win11|windows|linux|gpu|graphics))?(?:\s(?:driver|drivers))?"
    r"(?:\s?(?:version|v|ver\.?))?\s?[:=]?\s?(?:is\s)?v?(\d{3}\.\d{1,3}(?:\.\d{1,3})?)(?![\d.])",
    _ANY_CASE,
)
_PACKAGE_DRIVER = re.compile(
    r"\bii\s+nvidia-(?:driver|compute-utils|utils)-\d{3}(?:-\w+)?\s+(\d{3}\.\d{1,3}(?:\.\d{1,3})?)"
)
_CEILING = re.compile(r"nvidia-smi\W{1,6}(?:shows |says |reports )?CUDA (?:version:? )?(\d{1,2}\.\d)", _ANY_CASE)
_PYTHON = re.compile(r"\bpython(?:\s?version)?\s?[:=-]{0,2}\s?v?([23]\.\d{1,2}(?:\.\d{1,2})?t?)(?![\d.]\d)", _ANY_CASE)
_BITS_32 = re.compile(r"\bpython\b[^,;]{0,30}\b32[\s-]?bit\b|\b32[\s-]?bit python\b", _ANY_CASE)
_TORCH_CUDA = re.compile(r"torch\.version\.cuda\W{1,8}(\d{1,2}\.\d|None)", _WORDS)
_TORCH_WITH = re.compile(
    r"torch(?:\s\w{2,8}){0,2}\s[\d.]{3,8},?\s(?:with|for|and|using)\scuda\s?(\d{2}\.\d)\b", _ANY_CASE
)
_AVAILABLE = re.compile(
    r"cuda\.is_available\(?\)?\W{1,6}(?:(?:always|still|also) )?(?:is|are|returns?|returned|returning|gives?|"
    r"shows?|says)?\W{0,6}(True|False)\b",
    _ANY_CASE,
)
_BUILD = re.compile(r"py\d\.?\d{1,2}_cpu|\bcpu_generic|\bcpuonly\b", _WORDS)
_WINDOWS = re.compile(
    r"\bwindows(?:\s?(?:7|8|10|11|server))?\b|\bwin(?:7|8|10|11)\b|Microsoft Windows \[Version [\d.]{5,20}\]", _ANY_CASE
)
_WINDOWS_BUILD = re.compile(
    r"\b(10\.0\.\d{5}(?:\.\d{1,6})?)\b|\b(?:os |windows )?build(?:\snumber)?:?\s(\d{5}(?:\.\d{1,6})?)\b",
    _ANY_CASE,
)
_LINUX = re.compile(
    r"\b(ubuntu|debian|centos|rocky(?: linux)?|rhel|red hat enterprise linux|fedora|arch linux|opensuse|"
    r"amazon linux|linux mint|alpine(?: linux)?|almalinux)"
    r"\b(?:\slinux)?\s?-?(?:v|release\s)?(\d{1,2}(?:\.\d{1,2})?)?",
    _ANY_CASE,
)
_MACOS = re.compile(
    r"\bmac\s?os(?:\s?x)?\b(?:\s\w{3,9}){0,1}\s?(\d{2}(?:\.\d{1,2})?)?|\bmacbook\b|\b(?:m[1-5]|intel|my|a|the|apple)\smac\b|\bmac\s?(?:mini|studio|m[1-5]\b)|^mac\b",
    _ANY_CASE,
)
_WSL = re.compile(r"\bWSL\s?([12])?\b", _WORDS)
_JETPACK = re.compile(r"\bJetPack\s?(?:SDK\s)?v?(\d(?:\.\d){0,2})|\bL4T\s?:?\s?R?(\d{2}\.\d(?:\.\d)?)", _ANY_CASE)
# Grace, the processor beside the GPU of these boards, is an Arm one.
_ARM = re.compile(
    r"\bARM(?:64|v[89])?[\s-](?:based )?(?:CPU|server|processor|machine|host)s?\b|\b(?:GH200|GB[23]00|GB10|DGX Spark)\b"
    r"|\b(?:Graviton|Ampere Altra|Grace (?:CPU|Hopper|Blackwell))",
    _WORDS,
)
_LONGEST = 1500  # longer lines are no sentences
_ENDS = 200  # lines from each end of a text in which one literal is looked at
# Sentences about other machines, other versions, wishes and requirements state nothing of this machine.
_ELSEWHERE = re.compile(
    r"(?<!not )(?<!n't )(?<!never )\bwork(?:s|ed|ing)? (?:fine |well |ok |perfectly )?(?:with|on|in|under|for)\b|"
    r"\b(?:down|up)grad|\bfixed (?:in|by)\b|(?<!cpu )\binstead of\b|"
    r"\bshould\b|\brecommend|\brequire(?!ments\.txt)|\bat least\b|\bor (?:newer|later|higher|above)\b|\bminimum\b|"
    r"\bsupports? (?:for )?(?:cuda|python|torch)|"
    r"\bother (?:machine|computer|server|gpu)|\bno matching distribution|\bfrom versions:|(?<!not )\bcompiled (?:with|"
    r"using|against|for)\b|\bnot compatible\b",
    _ANY_CASE,
)
_MINE = re.compile(r"\b(?:I|[Mm]y|[Ww]e|[Oo]ur)\b")
# One of these is in every such sentence, and words alone are found in a sixth of the time.
_ELSEWHERE_WORDS = re.compile(
    "work|grad|fixed|instead|should|recommend|require|least|newer|later|higher|above|minimum|support|other|matching|"
    "versions|compiled|compatible"
)
_CONTAINER = re.compile(
    r"\b(?:in|inside|using|with|via|from|through)\s(?:an?\s|the\s|my\s)?(?:docker|podman)\b|"
    r"\bdocker (?:run|container|compose)\b|/\.dockerenv",
    _ANY_CASE,
)
_APPTAINER = re.compile(
    r"\b(?:singularity|apptainer) (?:run|exec|shell|container|image|built|build|pull)\b|\b[\w-]{2,60}\.sif\b", _ANY_CASE
)
_CLUSTER = re.compile(r"\bnvidia\.com/gpu\b|\bkubectl\b", _ANY_CASE)


def read(page: Page, facts: Facts) -> bool:
    """Fill in weak facts from what no tool's format has claimed; prose is no format, so always False."""
    wanted: dict[int, list[_Reader]] = {}
    for literals, reader in _READERS:
        for number in sorted({number for literal in literals for number in page.telling(literal, _ENDS)}):
            wanted.setdefault(number, []).append(reader)
    for number in sorted(wanted):
        line = page.lines[number]
        if page.claimed(number) or not 2 < len(line) < _LONGEST or line.lstrip().startswith('File "'):  # noqa: PLR2004
            continue
        told = _own(line) if _ELSEWHERE_WORDS.search(line.lower()) and _ELSEWHERE.search(line) else line
        if told:
            for reader in wanted[number]:
                reader(facts, told)
    return False


def _own(line: str) -> str:
    """Of a line with a wish or another machine in it: its other sentences in which somebody tells of what is theirs."""
    sentences = re.split(r"(?<=[.!?]) (?=[A-Z])", line)
    return " ".join(part for part in sentences if _MINE.search(part) and not _ELSEWHERE.search(part))


def gpus(facts: Facts, line: str) -> None:
    """GPUs that a line names."""
    for vendor in _GPUS:
        _gpus_of(vendor, facts, line)


def _gpus_of(vendor: str, facts: Facts, line: str) -> None:
    for match in _GPUS[vendor].finditer(line):
        facts.said_gpu(vendor, _spelled(match.group()))


def _spelled(name: str) -> str:
    """A GPU's name as its maker spells it: rtx3080ti is RTX 3080 Ti."""
    if name[0].isdigit():  # "two 1080ti cards"
        name = f"{'GTX' if name.startswith('10') else 'RTX'} {name}"
    name = re.sub(r"(?i)\b(RTX|GTX)[\s-]?(?=\d|A\d)", lambda found: found.group(1).upper() + " ", name)
    name = re.sub(
        r"(?i)(?<=\d)[\s-]?(Ti|SUPER)\b", lambda found: {"ti": " Ti"}.get(found.group(1).lower(), " SUPER"), name
    )
    return " ".join(name.split())


def _packages(facts: Facts, line: str) -> None:
    for match in _PACKAGE.finditer(line):
        name, version = match.group(1).lower(), match.group(2)
        name = {"pytorch": "torch", "tf": "tensorflow"}.get(name, name)
        if name == "cudatoolkit":
            facts.conda_package(name, version)
        else:
            pip_list.add(facts, name, version, weight=SAID)


def _driver(facts: Facts, line: str) -> None:
    match = _PACKAGE_DRIVER.search(line) or _DRIVER.search(line)
    if match:
        facts.put("driver.nvidia", match.group(1), SAID)


def _ceiling(facts: Facts, line: str) -> None:
    match = _CEILING.search(line)
    if match:
        facts.put("nvidia.cuda_ceiling", match.group(1), SAID)


def _python(facts: Facts, line: str) -> None:
    match = _PYTHON.search(line)
    if match:
        words.python(facts, match.group(1) + (" 32-bit" if _BITS_32.search(line) else ""), SAID)


def _torch(facts: Facts, line: str) -> None:
    built = _TORCH_WITH.search(line)
    if built:
        facts.framework("torch", SAID, cuda=built.group(1))
    cuda = _TORCH_CUDA.search(line)
    if cuda:
        facts.framework("torch", SAID, cuda=None if cuda.group(1) == "None" else cuda.group(1))
    available = _AVAILABLE.search(line)
    if available:
        facts.framework("torch", SAID, cuda_available=available.group(1).lower() == "true")


def _conda_build(facts: Facts, line: str) -> None:
    if _BUILD.search(line):
        facts.framework("torch", SAID, variant="cpu", cuda=None)


def _system(facts: Facts, line: str) -> None:
    build = _WINDOWS_BUILD.search(line)
    if build:
        facts.put("os.version", build.group(1) or f"10.0.{build.group(2)}")
    if _WSL.search(line):
        _wsl(facts, line)
        return
    windows = _WINDOWS.search(line)
    if windows:
        words.system(facts, windows.group(), SAID)
        return
    linux = _LINUX.search(line)
    if linux:
        words.system(facts, linux.group(), SAID)
        words.arch(facts, line, SAID)
        return
    macos = _MACOS.search(line)
    if macos:
        words.system(facts, f"macos {macos.group(1) or ''}", SAID)


def _wsl(facts: Facts, line: str) -> None:
    match = _WSL.search(line)
    if match:
        facts.put("os.system", "linux", SAID)
        facts.put("os.wsl", True, SAID)  # noqa: FBT003 - a fact's value
        if match.group(1):
            facts.put("os.wsl_version", int(match.group(1)), SAID)


def _jetson(facts: Facts, line: str) -> None:
    match = _JETPACK.search(line)
    facts.put("tegra", "Jetson" if match is None else match.group(2) or f"JetPack {match.group(1)}", SAID)
    facts.put("arch", "aarch64", SAID)
    facts.put("os.system", "linux", SAID)


def _arm(facts: Facts, line: str) -> None:
    if _ARM.search(line):
        facts.put("arch", "aarch64", SAID)


def _container(facts: Facts, line: str) -> None:
    if _APPTAINER.search(line):
        facts.put("container.runtime", "apptainer", SAID)
    elif _CLUSTER.search(line):
        facts.put("container.runtime", "kubernetes", SAID)
    elif _CONTAINER.search(line):
        facts.put("container.runtime", "podman" if "podman" in line.lower() else "docker", SAID)


_NVIDIA_WORDS = (
    *("rtx", "gtx", "geforce", "titan", "tesla", "quadro", "jetson", "GT", "MX", "GB", "GH200", "a100", "h100", "h200"),
    *("v100", "B100", "B200", "B300", "H20", "H800", "A800", "L40", "A10", "A30", "A40", "A16", "A6000", "A5000"),
    *("A4000", "P100", "T4", "K80", "L4", "A2", "P40", "M40", "M60", "K40"),
    *("0 gpu", "0 card", "0 graphics", "ti gpu", "ti card"),
)
# (literals of which one must be in the line, in any case unless it has capitals; what reads it), in the order in which
# one line is read.
_READERS: tuple[tuple[tuple[str, ...], _Reader], ...] = (
    (_NVIDIA_WORDS, partial(_gpus_of, "nvidia")),
    (("radeon", "RX", "instinct", "MI"), partial(_gpus_of, "amd")),
    (("Arc", "Data Center GPU"), partial(_gpus_of, "intel")),
    (("Apple", "M1 ", "M2 ", "M3 ", "M4 ", "M5 "), partial(_gpus_of, "apple")),
    (tuple(sorted(_PACKAGE_WORDS)), _packages),
    (("driver", "nvidia"), _driver),
    (("nvidia-smi",), _ceiling),
    (("python",), _python),
    (("torch",), _torch),
    (("cpu_", "cpuonly"), _conda_build),
    (
        (
            "win",
            "10.0.",
            "build",
            "ubuntu",
            "debian",
            "centos",
            "rocky",
            "rhel",
            "red hat",
            "fedora",
            "arch linux",
            "suse",
            "amazon linux",
            "mint",
            "alpine",
            "alma",
            "mac",
            "wsl",
        ),
        _system,
    ),
    (("jetson", "jeston", "jetbot", "jetracer", "jetpack", "l4t", "agx xavier", "xavier nx"), _jetson),
    (("ARM", "GH200", "GB200", "GB300", "GB10", "DGX Spark", "Graviton", "Grace", "Ampere Altra"), _arm),
    (("docker", "podman", "kube", "nvidia.com", "singularity", "apptainer", ".sif"), _container),
)
