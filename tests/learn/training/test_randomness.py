import torch

from tenfold.learn.training import randomness

CPU = torch.device("cpu")


def drawn(seed: int, number: int, rank: int = 0) -> tuple[list[int], list[float]]:
    """The order of an epoch's digits, and what its augmentation and dropout draw first."""
    with randomness.isolated(CPU):
        generator, order = randomness.epoch(seed, number, 20, rank)
        return order.tolist(), [torch.rand(1, generator=generator).item(), torch.rand(1).item()]


def test_all_that_is_random_follows_from_the_seed_and_the_epoch() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    order, numbers = drawn(1, 2)
    assert sorted(order) == list(range(20))
    assert (order, numbers) == drawn(1, 2)
    assert drawn(1, 3)[0] != order
    assert drawn(2, 2)[0] != order
    assert torch.equal(torch.get_rng_state(), before)


def test_processes_share_the_order_and_draw_for_themselves() -> None:
    assert drawn(1, 2, rank=1)[0] == drawn(1, 2)[0]
    assert not set(drawn(1, 2, rank=1)[1]) & set(drawn(1, 2)[1])


def test_the_states_in_the_middle_of_an_epoch_can_be_had_again() -> None:
    with randomness.isolated(CPU):
        generator, _ = randomness.epoch(1, 2, 20)
        states = randomness.capture(generator, CPU)
        first = torch.rand(3, generator=generator), torch.rand(3)
        randomness.restore(states, generator, CPU)
        assert all(map(torch.equal, first, (torch.rand(3, generator=generator), torch.rand(3))))
