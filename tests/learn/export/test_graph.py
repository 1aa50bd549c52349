import onnx
import pytest
import torch
from torch import Tensor, nn

from tenfold.errors import UsageError
from tenfold.learn.export.graph import graph


def test_a_module_becomes_a_graph_with_metadata_and_no_notes() -> None:
    raw = graph(
        nn.Linear(3, 2), {"given": torch.zeros(2, 3)}, ["out"], {"input": {0: torch.export.Dim("n")}}, {"key": "value"}
    )
    proto = onnx.load_from_string(raw)
    assert {each.key: each.value for each in proto.metadata_props} == {"key": "value"}
    assert [each.name for each in (*proto.graph.input, *proto.graph.output)] == ["given", "out"]
    assert proto.producer_name == "tenfold"
    assert not any(node.doc_string or node.metadata_props for node in proto.graph.node)


class Looking(nn.Linear):
    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input if input.sum() < 100 else input * 2)


class Counting(nn.Linear):
    def forward(self, input: Tensor) -> Tensor:
        for _ in range(len(input) // len(input)):
            more = input + 1
        return super().forward(more)


@pytest.mark.parametrize(
    ("module", "says"),
    [
        (Looking(3, 2), r"cannot be written as a graph: its forward must do the same .*\(Could not guard"),
        (Counting(3, 2), "would be written as a graph for a size of 2 alone"),
    ],
)
def test_what_no_graph_can_be_made_of(module: nn.Module, says: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError, match=says):
        graph(module, {"given": torch.zeros(2, 3)}, ["out"], {"input": {0: torch.export.Dim("n")}}, {})
    assert capfd.readouterr().err == ""
