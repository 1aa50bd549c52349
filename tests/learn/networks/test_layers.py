import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.nn.functional import pad

from tenfold.learn import networks
from tenfold.learn.networks.layers import Average, Dropout
from tenfold.learn.recipes.presets import RECIPES


@pytest.mark.parametrize("p", [0.2, 0.5])
def test_fast_dropout_is_dropout(p: float) -> None:
    torch.manual_seed(0)
    x = torch.ones(500, 401, requires_grad=True)
    layer = Dropout(p)
    y = layer(x)
    kept = y != 0
    assert kept.float().mean().item() == pytest.approx(1 - p, abs=0.005)
    assert torch.allclose(y[kept], torch.tensor(1 / (1 - p)), rtol=1e-4)
    # neighbours, which come from one random number, do not depend on each other
    for gap in (1, 2, 3, 4):
        both = (kept[:, gap:] & kept[:, :-gap]).float().mean().item()
        assert both == pytest.approx((1 - p) ** 2, abs=0.006)
    torch.autograd.backward(y.sum())
    assert x.grad is not None
    assert torch.equal(x.grad, y.detach())
    torch.manual_seed(0)
    assert torch.equal(layer(x), y)
    assert layer.eval()(x) is x


def test_stock_shares_the_weights_and_needs_no_tenfold(tmp_path: Path) -> None:
    network = networks.build(RECIPES["cnn"])
    plain = networks.stock(network)
    assert all(a is b for a, b in zip(network.parameters(), plain.parameters(), strict=True))
    torch.save(plain, tmp_path / "full.pth")
    code = (
        "import sys; sys.modules['tenfold'] = None; import torch; "
        f"print(torch.load({str(tmp_path / 'full.pth')!r}, weights_only=False)(torch.zeros(1, 1, 28, 28)).shape[1])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "10\n", done.stderr


def test_an_average_keeps_what_is_no_digit() -> None:
    torch.manual_seed(0)
    parts = [networks.build("mlp", 10, hidden=(8,)).eval() for _ in range(2)]
    ink = torch.randn(5, 1, 28, 28)
    together = pad(Average(parts, [1.0, 2.0], rejects=True)(ink), (0, 1)).softmax(1)
    each = [pad(part(ink) / heat, (0, 1)).softmax(1) for part, heat in zip(parts, (1, 2), strict=True)]
    torch.testing.assert_close(together, torch.stack(each).mean(0))
