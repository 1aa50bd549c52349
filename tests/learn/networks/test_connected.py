from tenfold.learn import networks
from tenfold.learn.recipes.presets import RECIPES


def kinds(name: str) -> list[str]:
    return [type(layer).__name__ for layer in networks.build(RECIPES[name])]


def test_the_layers_are_those_of_the_recipe() -> None:
    linear, drop = "Linear", "Dropout"
    assert kinds("mlp") == ["Flatten", *[linear, "ReLU", drop] * 2, linear]
    assert kinds("mish") == ["Flatten", *[linear, "BatchNorm1d", "Mish", drop] * 2, linear]
    assert networks.parameters(networks.build("mlp", 3, hidden=())) == 784 * 3 + 3
