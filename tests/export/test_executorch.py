"""ExecuTorch's files in ExecuTorch: one piece for XNNPACK. Its package brings 1.5 GB beside PyTorch: `make slow`."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from export_nets import net_of_many_forms

from pocketsr.export import export
from pocketsr.export.source import open_source

SIZE = (64, 48)
NEEDS = "needs executorch: pip install 'pocketsr[executorch]'"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["small", "small-w8a8"])
def test_one_piece_with_our_samples(name: str, tmp_path: Path) -> None:
    pytest.importorskip("executorch", reason=NEEDS)
    report = export("executorch", name, tmp_path, size=SIZE)
    assert report.files == (f"{name}.pte",)
    assert report.partitions == 1
    assert {each.unit for each in report.operators} == {"XNNPACK"}
    assert report.psnr_db is None or report.psnr_db > (70 if name == "small" else 45)  # None: no sample differs
    assert report.max_levels is not None
    assert report.max_levels <= (1 if name == "small" else 8)
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(
        [f"{name}.pte", f"{name}-executorch.json", f"{name}-executorch.md"]
    )


@pytest.mark.slow
def test_the_graph_is_the_file_for_accelerators(tmp_path: Path) -> None:
    """In PyTorch, without ExecuTorch's lowering: many forms, to one level."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("executorch", reason=NEEDS)
    from pocketsr.export._pte import Graph
    from pocketsr.export._vendor import content
    from pocketsr.export.checking import compare, pictures, to_levels

    source = open_source(net_of_many_forms(tmp_path / "forms.onnx"))
    graph = Graph(onnx.load_from_string(content(source, 20, 31, "float32", True).SerializeToString()))
    made = {}
    for each in pictures(20, 31, 3):
        given = torch.from_numpy(each.transpose(2, 0, 1)[None].copy()) / 255
        made[each.tobytes()] = to_levels(graph(given)[0].detach().numpy().transpose(1, 2, 0), 1.0)
    assert compare(lambda picture: made[picture.tobytes()], source.reference(), pictures(20, 31, 3)).max_levels <= 1


def test_no_part_of_the_export_reads_pytorch() -> None:
    """But the process that writes the file."""
    folder = Path(__file__).parents[2] / "src" / "pocketsr" / "export"
    readers = [each.name for each in folder.glob("*.py") if "import torch" in each.read_text()]
    assert readers == ["_pte.py"]
