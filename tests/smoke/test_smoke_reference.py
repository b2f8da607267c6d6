"""The numbers that everything is held against are made again, by two implementations."""

from __future__ import annotations

import pytest

from envsetup.smoke.catalogue import catalogue, golden

pytestmark = pytest.mark.torch


def test_the_golden_curve_is_made_again_in_numpy(in_torch):
    losses = in_torch("from payload import reference; import json; print(json.dumps(reference.golden_losses()))")
    assert losses == pytest.approx(golden().losses, rel=1e-12)


def test_the_golden_curve_is_made_again_by_pytorch_in_float64(in_torch):
    losses = in_torch(
        """
import json, torch, torch.nn.functional as F
from payload import data, reference
from payload.pytorch.net import Net
images, labels = data.generate(640, data.SEED)
x, y = (torch.from_numpy(images).double() - 127.5) / 127.5, torch.from_numpy(labels)
model = Net().double()
model.load_state_dict({name: torch.from_numpy(value) for name, value in reference.weights().items()})
optimizer, losses = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9), []
for i in range(10):
    loss = F.cross_entropy(model(x[64 * i : 64 * i + 64]), y[64 * i : 64 * i + 64])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
print(json.dumps(losses))
"""
    )
    assert losses == pytest.approx(golden().losses, rel=1e-12)


def test_the_images_have_the_shipped_checksums(in_torch):
    made = in_torch(
        "from payload import data; import json; print(json.dumps({name: data.digest(*data.generate(count, data.SEED,"
        " split)) for name, (count, split) in data.SPLITS.items()}))"
    )
    assert made == catalogue().digests.generated


def test_both_networks_have_the_published_number_of_parameters(in_torch):
    counts = in_torch(
        "from payload.pytorch.net import Net, SmoothNet; import json\n"
        "print(json.dumps([sum(p.numel() for p in kind().parameters()) for kind in (Net, SmoothNet)]))"
    )
    assert counts == [545098, 545098]


def test_a_linear_model_cannot_learn_the_images(in_torch):
    """Ridge regression on every pixel, the best of four strengths: far below the gate of 0.6."""
    found = in_torch(
        """
import json, numpy as np
from payload import data
def split(name):
    count, number = data.SPLITS[name]
    return data.generate(count, data.SEED, number)
(x, y), (xt, yt) = split("train"), split("test")
x, xt = (data.normalise(images).reshape(len(images), -1) for images in (x, xt))
gram, target, best = x.T @ x, x.T @ np.eye(10, dtype=np.float32)[y], 0
for strength in (1e2, 1e3, 1e4, 1e5):
    weights = np.linalg.solve(gram + strength * np.eye(len(gram), dtype=np.float32), target)
    best = max(best, ((xt @ weights).argmax(1) == yt).mean())
means = np.stack([x[y == k].mean(0) for k in range(10)])
spread = float(np.abs(means - means.mean(0)).mean())
print(json.dumps({"best": float(best), "classes": np.bincount(y).tolist(), "spread": spread}))
"""
    )
    assert 0.1 < found["best"] < catalogue().training["generated"].ceiling + 0.03
    assert found["classes"] == [400] * 10
    assert found["spread"] < 0.02  # the mean image of every class is the same grey


def test_the_audit_sees_one_host_matmul_among_operations_on_another_device(in_torch):
    """`meta` stands in for an accelerator: the framework places its tensors there and computes nothing."""
    found = in_torch(
        """
import json, torch, torch.nn.functional as F
from payload.pytorch.net import Net
from payload.pytorch.placement import Audit, tensors_of
def audited(fallback):
    model = Net().to("meta")
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    with Audit() as audit:
        out = model(torch.empty(4, 3, 32, 32, device="meta"))
        F.cross_entropy(out, torch.empty(4, dtype=torch.int64, device="meta")).backward()
        if fallback:
            torch.ones(4, 4) @ torch.ones(4, 4)
        optimizer.step()
    return dict(audit.heavy), sorted({t.device.type for t in tensors_of(model, optimizer).values()})
print(json.dumps([audited(False), audited(True)]))
"""
    )
    assert found == [[{"meta": 9}, ["meta"]], [{"meta": 9, "cpu": 1}, ["meta"]]]
