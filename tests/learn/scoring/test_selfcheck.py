import numpy as np
import onnxruntime
import torch

from conftest import draw_digits
from tenfold.learn.scoring import selfcheck
from tenfold.read.classifier import BUNDLED

CPU = torch.device("cpu")


def test_logits_are_those_of_the_bundled_model_file() -> None:
    digits = draw_digits(20)
    session = onnxruntime.InferenceSession(BUNDLED, providers=["CPUExecutionProvider"])
    (wanted,) = session.run(["logits"], {"image": digits.images[:, None].astype(np.float32) / 255})
    np.testing.assert_allclose(selfcheck.logits(digits, CPU), wanted, atol=1e-2)


def test_steps_of_training_go_down_and_leave_the_random_state_alone() -> None:
    digits, before = draw_digits(100), torch.get_rng_state()
    losses = selfcheck.steps(digits, CPU)
    assert len(losses) == selfcheck.STEPS + 1
    assert losses == selfcheck.steps(digits, CPU)
    assert losses[-1] < losses[0]
    assert torch.equal(torch.get_rng_state(), before)
