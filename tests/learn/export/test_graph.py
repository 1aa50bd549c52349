import onnx
import torch
from torch import nn

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
