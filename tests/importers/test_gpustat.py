"""The lines of `gpustat`, as people paste them."""

from __future__ import annotations

from envsetup.importers import read


def test_each_line_is_a_gpu_with_its_memory():
    text = """node7  Mon Jan 31 12:00:00 2022  470.82
[0] Tesla V100-SXM2-16GB | 44'C,   3 % | 15836 / 16130 MB | someone(15000M)
[1] Tesla V100-SXM2-16GB | 43°C,   0 % |     0 / 16130 MB |
"""
    imported = read(text)
    assert imported.kinds == ["gpustat"]
    first, second = imported.machine.gpus
    assert (first.name, first.memory_used_mib, first.memory_mib) == ("Tesla V100-SXM2-16GB", 15836, 16130)
    assert (second.memory_used_mib, second.temperature_c, second.utilization_pct) == (0, 43, 0)


def test_other_tables_with_brackets_are_left_alone():
    assert "gpustat" not in read("[0] step 3 | loss 0.1, 20 C, | 5 / 10 MB loaded").kinds
