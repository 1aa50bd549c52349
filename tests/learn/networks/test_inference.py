from collections.abc import Iterable, Iterator

import torch

from tenfold.learn import networks
from tenfold.learn.networks import inference
from tenfold.learn.networks.inference import infer


def test_ink_is_normalised_as_mnist_is() -> None:
    images = torch.tensor([[[0, 255]]], dtype=torch.uint8)
    assert inference.grey(images).tolist() == [[[[0.0, 1.0]]]]
    low, high = inference.normalise(inference.grey(images)).flatten().tolist()
    assert (round(low, 4), round(high, 4)) == (-0.4242, 2.8215)  # as in the usual example


def test_logits_do_not_depend_on_the_batch_and_the_mode_is_kept() -> None:
    network = networks.build("fast").train()
    images = torch.randint(0, 256, (20, 28, 28), dtype=torch.uint8)
    seen: list[int] = []

    def track(batches: Iterable[torch.Tensor], _: str) -> Iterator[torch.Tensor]:
        for batch in batches:
            yield batch
            seen.append(len(batch))

    assert torch.allclose(infer(network, images, batch_size=7, track=track), infer(network, images), atol=1e-5)
    assert seen == [7, 7, 6]
    assert network.training
