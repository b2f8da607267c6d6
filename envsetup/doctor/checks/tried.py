"""What trying it out showed: failed imports, CUDA that does not start, devices that do not compute."""

from __future__ import annotations

from posixpath import basename, dirname
from typing import TYPE_CHECKING

from envsetup.compat import cuda_errors
from envsetup.doctor.check import Check, NotApplicable, Outcome, Unknown, When, finding, fix, seen
from envsetup.doctor.when import env_subject, resumed
from envsetup.model.deep import Deep, Trial, TriedFramework
from envsetup.model.maybe import UNKNOWN, known

if TYPE_CHECKING:
    from envsetup.doctor.case import Case
    from envsetup.model.finding import Evidence, Finding

NAMES = {"torch": "PyTorch", "tensorflow": "TensorFlow", "jax": "JAX"}
CRASHED = {
    "SIGSEGV": "a crash in native code",
    "SIGABRT": "native code gave up",
    "SIGBUS": "memory that is not there, often a full /dev/shm or a damaged file",
    "SIGFPE": "a division by zero in native code",
    "SIGILL": "an instruction that this processor does not have",
    "SIGKILL": "killed from outside, nearly always because memory ran out",
}
SLOW_S, SLOW_PER_GPU_S = 15.0, 5.0  # eight GPUs without persistence mode take some twenty seconds
AS_IT_IS = "--deep, the environment as it is"


def _deep(case: Case) -> Deep:
    return known(case.machine.deep) or Deep()


def _tried(case: Case) -> list[TriedFramework]:
    return known(_deep(case).frameworks) or []


TRIED = When(lambda case: bool(_tried(case)), "nothing was tried: only --deep imports")
USED = When(
    lambda case: bool(_tried(case)) or known(_deep(case).cu_init) is not None,
    "nothing was tried: only --deep calls CUDA",
)
CALLED = When(lambda case: known(_deep(case).cu_init) is not None, "nothing was tried: only --deep calls CUDA")


def _begun(trial: Trial) -> str:
    """What a trial was doing when it ended."""
    words = {"start": "Python was starting", "import": "it was imported", "cpu": "it computed on the CPU"}
    words |= {"devices": "it looked for GPUs", "kernel": "it computed on a GPU", "peers": "GPUs copied to each other"}
    return words.get(known(trial.step) or "", "it ran")


def _ended(trial: Trial, name: str) -> list[Evidence]:
    """How a trial ended, and the last that it wrote."""
    source = AS_IT_IS if not trial.without else f"--deep, without {' and '.join(trial.without)}"
    number = known(trial.signal)
    how = {
        "raised": known(trial.error) or "an error",
        "signal": f"{number}, {CRASHED.get(number or '', 'killed by this signal')}, while {_begun(trial)}",
        "exit": f"exit status {known(trial.returncode)} while {_begun(trial)}",
        "timeout": f"no answer in {known(trial.seconds) or 0:.0f} s while {_begun(trial)}",
        "not-started": known(trial.error) or "the interpreter did not start",
        "ok": "worked",
    }[trial.ended]
    evidence = [seen(f"import of {name}", how, source)]
    if trial.ended in ("signal", "timeout", "exit") and trial.text:
        evidence.append(seen("last lines", " | ".join(trial.text[-3:]), "stderr"))
    return evidence


def _culprit(tried: TriedFramework) -> list[str]:
    """The variables without which it works; empty when it fails without them too, or when none was set."""
    cured = [trial for trial in tried.trials[1:] if trial.ended == "ok"]
    if not cured:
        return []
    last = tried.trials[-1]
    if last.ended == "ok":
        return last.without
    # The third run spared only the first variable: when that was no cure, the other one is to blame.
    return [name for name in tried.trials[1].without if name not in last.without]


def _failure(case: Case, tried: TriedFramework) -> Finding | None:
    first = tried.trials[0]
    name, subject = NAMES.get(tried.name, tried.name), env_subject(case)
    evidence = [*_ended(first, tried.name), *(item for trial in tried.trials[1:] for item in _ended(trial, tried.name))]
    if first.ended == "ok" or (first.ended == "timeout" and first.step in ("devices", "kernel", "peers")):
        return None
    culprit = _culprit(tried)
    if culprit:
        code = "ld-library-path-shadows-cuda" if "LD_LIBRARY_PATH" in culprit else "pythonpath-shadow"
        variables = " and ".join(culprit)
        unset = " ".join(f"-u {variable}" for variable in culprit)
        remedies = [
            fix(f"Run without {variables}", f"env {unset} python -c 'import {tried.name}'"),
            fix(f"Then take {variables} out of your shell start files and module loads", f"unset {' '.join(culprit)}"),
        ]
        value = seen(culprit[0], case.variables.get(culprit[0], "set"), case.source("environment"))
        title = f"{name} works only without {variables}"
        return finding(code, *evidence, value, subject=subject, severity="error", title=title, remedies=remedies)
    if first.ended == "signal" and known(first.signal) == "SIGILL":
        flags = {flag.lower() for flag in known(case.cpu.flags) or []}
        if "avx" not in flags:
            return finding("cpu-no-avx", *evidence, confidence="likely" if not flags else "certain")
    if first.ended == "signal" and known(first.signal) == "SIGKILL":
        title = f"{name} was killed while {_begun(first)}: memory ran out"
        return finding("low-ram", *evidence, severity="error", confidence="likely", title=title)
    return _plain(tried.name, first, evidence, subject)


def _plain(name: str, trial: Trial, evidence: list[Evidence], subject: str) -> Finding:
    """The failure in its own words, where no cause is known."""
    title = NAMES.get(name, name)
    if trial.ended == "signal":
        code = "torch-import-segfault" if name == "torch" else f"{name}-import-fails"
        what = f"{title} crashes ({known(trial.signal)}) while {_begun(trial)}"
        return finding(code, *evidence, subject=subject, title=what)
    code = "torch-import-fails" if name == "torch" else f"{name}-import-fails"
    if trial.ended == "timeout":
        what = f"{title} does not come back while {_begun(trial)}"
        again = fix("See where it waits", f"python -X faulthandler -X importtime -c 'import {name}'", "none")
        return finding(code, *evidence, subject=subject, title=what, remedies=[again])
    imported = trial.step in ("start", "import")
    what = f"{title} cannot be imported" if imported else f"{title} fails while {_begun(trial)}"
    error = known(trial.error)
    return finding(code, *evidence, subject=subject, title=f"{what}: {error}" if error else what)


def imports(case: Case) -> Outcome:
    """Each framework's import, as the user's programs would do it."""
    found = [_failure(case, tried) for tried in _tried(case)]
    if all(tried.trials[0].ended == "not-started" for tried in _tried(case)):
        return Unknown("the interpreter of the environment does not start")
    return [item for item in found if item]


def slow(case: Case) -> Outcome:
    """The first CUDA call: never back, or so slow that every program waits for it."""
    found = []
    for tried in _tried(case):
        first, seconds = tried.trials[0], known(tried.available_s) or 0.0
        count = len(known(tried.devices) or [])
        hung = first.ended == "timeout" and first.step in ("devices", "kernel", "peers")
        if hung or seconds > SLOW_S + SLOW_PER_GPU_S * count:
            took = _ended(first, tried.name) if hung else [seen("first CUDA call", f"{seconds:.0f} s", AS_IT_IS)]
            title = None if hung else f"The first CUDA call takes {seconds:.0f} s"
            severity = "error" if hung else "warning"
            code = "cuda-is-available-slow-or-hangs"
            found.append(finding(code, *took, title=title, severity=severity))  # type: ignore[arg-type]
    answer = known(_deep(case).cu_init)
    if answer and answer.status == "timeout" and not found:
        evidence = seen("cuInit", f"no answer in {known(answer.seconds) or 0:.0f} s", "--deep")
        found.append(finding("cuda-is-available-slow-or-hangs", evidence))
    return found


def cuda_starts(case: Case) -> Outcome:
    """CUDA's own first answer, by its number; 100 is "no device", which other checks explain."""
    answer = known(_deep(case).cu_init)
    if answer is None or answer.status == "missing":
        return NotApplicable("no libcuda.so.1 to call")
    if answer.status == "crashed":
        return finding("cuda-init-fails", seen("cuInit", f"crashed: {known(answer.name)}", "--deep"))
    number = known(answer.code)
    if answer.status != "error" or number is None or number == NO_DEVICE:
        return None
    row = cuda_errors.row(number)
    evidence = [seen("cuInit", f"{number} {known(answer.name) or ''}".strip(), "--deep")]
    library = known(answer.library)
    if library:
        evidence.append(seen("libcuda.so.1 comes from", library, "/proc/self/maps"))
    if row is None:
        return finding("cuda-init-fails", *evidence)
    code = row.code
    if code == "fabric-manager-not-running" and case.nvidia.nvswitches == 0:
        code = "cuda-802-hmm-kaslr"  # the same number, without a switch to wait for
    if code == "uvm-broken-after-suspend" and resumed(case):
        evidence.append(seen("kernel log", "the machine has slept since it started", "kernel log"))
    elif code == "uvm-broken-after-suspend" and case.machine.kernel_events is not UNKNOWN:
        code = "uvm-not-loaded"  # the same number, and the machine has never slept
    evidence.append(seen("that number means", row.name, cuda_errors.cite(row)))
    return finding(code, *evidence, severity="error", confidence="certain" if row.certain else "likely")


NO_DEVICE = 100


def devices(case: Case) -> Outcome:
    """One kernel, one matrix product and one convolution on each device, compared with the right results."""
    found = []
    for tried in _tried(case):
        for device in known(tried.devices) or []:
            error = known(device.error)
            if error:
                what = f"{known(device.model) or device.name} in {NAMES.get(tried.name, tried.name)}"
                evidence = seen(f"kernel on {device.name}", error, "--deep")
                subject = f"gpu:{device.name.partition(':')[2] or 0}"
                found.append(finding("gpu-kernel-fails", evidence, subject=subject, title=f"Nothing runs on {what}"))
    return found


def peers(case: Case) -> Outcome:
    """Copies between GPUs by content. Without direct access they go through the host, and are right as well."""
    copies = [copy for tried in _tried(case) for copy in known(tried.peers) or []]
    if not copies:
        return NotApplicable("fewer than two GPUs were used")
    found = []
    wrong = [copy for copy in copies if copy.equal is False]
    failed = [copy for copy in copies if known(copy.error)]
    for code, some in (("p2p-data-corruption", wrong), ("p2p-broken-iommu-acs", failed)):
        if some:
            evidence = [
                seen(
                    f"copy from GPU {copy.source} to {copy.target}",
                    known(copy.error) or "arrived damaged",
                    "--deep, compared by content",
                )
                for copy in some[:4]
            ]
            found.append(finding(code, *evidence))
    return found


def mapped(case: Case) -> Outcome:
    """The libraries that the process really had: parts of one cuDNN from two places, or others than the wheel's."""
    bundled = {item.soname for item in known(case.environment.bundled) or []}
    prefix = (known(case.environment.path) or "\0").rstrip("/") + "/"
    found = []
    for tried in _tried(case):
        cudnn = [path for path in known(tried.loaded) or [] if basename(path).startswith("libcudnn")]
        if len({dirname(path) for path in cudnn}) > 1:
            evidence = [seen(f"{basename(path)} was loaded from", dirname(path), "/proc/self/maps") for path in cudnn]
            found.append(finding("cudnn-shadowed-or-mixed", *evidence[:6], subject=env_subject(case)))
            continue
        others = [path for path in known(tried.loaded) or [] if basename(path) in bundled and not _in(path, prefix)]
        if others and tried.trials[0].ended == "ok":
            code = "cudnn-shadowed-or-mixed" if set(others) <= set(cudnn) else "ld-library-path-shadows-cuda"
            evidence = [seen(f"{basename(path)} was loaded from", dirname(path), "/proc/self/maps") for path in others]
            title = "CUDA libraries from outside the environment are loaded in place of those of the wheel"
            found.append(finding(code, *evidence[:4], subject=env_subject(case), severity="warning", title=title))
    return found


def _in(path: str, prefix: str) -> bool:
    return path.startswith(prefix) or "/site-packages/" in path


def told(case: Case) -> list[tuple[str, str]]:
    """Error texts of the trials, with where each stands: to be read as the errors that a user brings."""
    texts = []
    for tried in _tried(case):
        first = tried.trials[0]
        if first.ended in ("raised", "exit") and not _culprit(tried):
            texts.append(("\n".join([*first.text, known(first.error) or ""]), f"import of {tried.name}"))
        if tried.unavailable is not UNKNOWN:
            texts.append((str(tried.unavailable), f"{tried.name} on CUDA"))
        errors = [known(device.error) for device in known(tried.devices) or []]
        texts += [(error, f"kernel in {tried.name}") for error in dict.fromkeys(errors) if error]
    return texts


CHECKS = (
    Check("framework-imports", "framework", imports, TRIED),
    Check("cuda-call-returns", "framework", slow, USED),
    Check("cuda-starts", "driver", cuda_starts, CALLED),
    Check("devices-compute", "framework", devices, TRIED),
    Check("gpu-copies", "multi-gpu", peers, TRIED),
    Check("loaded-libraries", "cuda-toolkit", mapped, TRIED),
)
