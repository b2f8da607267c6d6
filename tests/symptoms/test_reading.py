from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envsetup.doctor.symptoms import explain, read, rules

NEEDLES = sorted({needle for row in rules().rows for needle in row.needles})


def codes(text):
    return [hit.code for hit in read(text)]


def test_line_and_excerpt():
    (hit,) = read("one\ntwo\n  OSError: [Errno 24]   Too many open files\n", source="train.log")
    assert (hit.line, hit.text, hit.source) == (3, "OSError: [Errno 24] Too many open files", "train.log")


def test_a_message_that_a_terminal_wrapped():
    assert codes("... AssertionError: Torch not\ncompiled with CUDA enabled") == ["cpu-wheel-on-gpu-machine"]


def test_a_vague_message_yields_to_the_sure_one():
    text = (
        "Found GPU0 GeForce GTX 760 which is of cuda capability 3.0.\n"
        "PyTorch no longer supports this GPU because it is too old.\n"
        "RuntimeError: CUDA error: no kernel image is available for execution on the device\n"
    )
    assert codes(text) == ["gpu-arch-too-old-for-wheel"]


def test_an_ambiguous_message_keeps_its_meanings_and_the_deciding_fact():
    (hit,) = read("RuntimeError: CUDA error: no kernel image is available for execution on the device")
    assert hit.alternatives[:2] == ["gpu-arch-too-old-for-wheel", "extension-arch-missing"]
    assert "get_arch_list" in hit.decides


@pytest.mark.parametrize(
    ("frame", "extension"),
    [
        (
            '  File "/env/lib/python3.11/site-packages/flash_attn/flash_attn_interface.py", line 90, in f\n',
            "flash-attn",
        ),
        ('  File "/env/lib/python3.11/site-packages/xformers/ops/common.py", line 90, in f\n', "xformers"),
        ('  File "C:\\env\\Lib\\site-packages\\bitsandbytes\\functional.py", line 9, in f\n', "bitsandbytes"),
        ('  File "/env/lib/python3.11/site-packages/mamba_ssm/ops/selective_scan.py", line 9, in f\n', "mamba-ssm"),
    ],
)
def test_the_same_text_in_the_frames_of_an_extension(frame, extension):
    (hit,) = read(frame + "RuntimeError: CUDA error: no kernel image is available for execution on the device")
    assert (hit.code, hit.extension) == ("extension-arch-missing", extension)


def test_frames_of_the_framework_are_no_extension():
    frame = '  File "/env/lib/python3.11/site-packages/torch/nn/modules/linear.py", line 114, in forward\n'
    (hit,) = read(frame + "RuntimeError: CUDA error: no kernel image is available for execution on the device")
    assert hit.extension is None


@pytest.mark.parametrize(
    ("context", "code"),
    [
        ("after resume from suspend:\n", "uvm-broken-after-suspend"),
        ("", "uvm-not-loaded"),
    ],
)
def test_words_elsewhere_in_the_text_choose(context, code):
    assert codes(context + "failed call to cuInit: CUDA_ERROR_UNKNOWN: unknown error") == [code]


@pytest.mark.parametrize(
    "text",
    [
        "successful NUMA node read from SysFS had negative value (-1), but there must be at least one NUMA node",
        "Unable to register cuDNN factory: Attempting to register factory for plugin cuDNN when one has already been",
        "| 0  Tesla T4  Off |\nPersistence Mode : Disabled",
        "This TensorFlow binary is optimized to use available CPU instructions in performance-critical operations.",
    ],
)
def test_noise_is_named(text):
    from envsetup.doctor.catalogue import entry

    (hit,) = read(text)
    assert entry(hit.code).severity in ("info", "warning")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "IndexError: list index out of range",
        "RuntimeError: CUDA error: device-side assert triggered",
        "RuntimeError: CUDA error: an illegal memory access was encountered",
        "ValueError: There is no module or parameter named 'lm_head' in the model",
        "RuntimeError: mat1 and mat2 shapes cannot be multiplied (4x512 and 768x10)",
        "Segmentation fault (core dumped)",
        "KeyError: 'model.embed_tokens.weight'",
        "RuntimeError: Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!",
        "loss is nan after step 12",
        "AttributeError: 'Tensor' object has no attribute 'foo'",
        "Successfully opened dynamic library libcudart.so.11.0",
    ],
)
def test_program_errors_are_not_the_environments(text):
    assert read(text) == []


def test_explain_ranks_and_reasons():
    found = explain("RuntimeError: No CUDA GPUs are available")
    assert found[0].code == "cuda-visible-devices-hides"
    assert "No CUDA GPUs are available" in found[0].reason
    assert "CUDA_VISIBLE_DEVICES" in found[0].decides
    assert {"container-no-gpu", "mig-enabled-no-instance"} <= {other.code for other in found[1:]}
    assert all(other.confidence == "possible" for other in found[1:])


def test_explain_names_each_code_once():
    found = explain("No CUDA GPUs are available\nno CUDA-capable device is detected\nnvidia-smi: command not found")
    assert len({one.code for one in found}) == len(found)


@settings(max_examples=200, deadline=2000)
@given(st.lists(st.one_of(st.sampled_from(NEEDLES), st.text(max_size=20)), max_size=40).map("\n".join))
def test_never_raises_and_excerpts_are_bounded(text):
    for hit in read(text):
        assert len(hit.text) <= 300
        assert hit.code not in hit.alternatives
        assert not any(ord(char) < 32 for char in hit.text)


@pytest.mark.parametrize("needle", NEEDLES)
def test_repetition_does_not_hang(needle):
    text = (needle + " ") * (20_000 // (len(needle) + 1))
    started = time.process_time()
    read(text + "\n" + text)
    assert time.process_time() - started < 1.0


NO_CODE = "RuntimeError: CUDA error: no kernel image is available for execution on the device"


@pytest.mark.parametrize(
    ("text", "extension"),
    [
        (f'{NO_CODE}\n  File "/src/mmcv/ops/focal_loss.py", line 60, in forward\n  File "/src/a.py", line 1', "mmcv"),
        # Only the innermost frame speaks, and only where no frame leads to the message.
        (f'{NO_CODE}\n  File "/src/a.py", line 1, in forward\n  File "/src/mmcv/ops/focal_loss.py", line 60', None),
        (f'  File "/src/a.py", line 1, in forward\n{NO_CODE}\n  File "/src/mmcv/ops/focal_loss.py", line 60', None),
    ],
)
def test_frames_below_the_message(text, extension):
    assert read(text)[0].extension == extension


def test_the_line_with_the_numbers_tells_most():
    text = "I get CUDA out of memory often\nCUDA out of memory. Tried to allocate 20 MiB (GPU 0; 7.93 GiB total)"
    (hit,) = read(text)
    assert hit.line == 2
    assert read("I get CUDA out of memory often")[0].line == 1
