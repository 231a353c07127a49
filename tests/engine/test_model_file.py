"""An ONNX file with what lies beside it: weights in other files, half floats."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from engine_nets import Build, chain
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator

from pocketsr import UserError, models
from pocketsr.engine import load, read_network
from pocketsr.engine.onnx.model_file import read_file

IMAGE = np.arange(35, dtype=np.uint8).reshape(5, 7)


def saved(model: onnx.ModelProto, folder: Path, location: str = "net.data") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "net.onnx"
    onnx.save(model, path, save_as_external_data=True, location=location, size_threshold=0)
    return path


def flat(gain: float) -> onnx.ModelProto:
    """No bias, and a graph that says nothing of its weights' values."""
    b = Build()
    return b.model(
        b.op("DepthToSpace", b.op("Conv", "x", b.const(np.full((4, 1, 1, 1), gain))), blocksize=2, mode="CRD")
    )


def test_weights_beside_the_file_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two files alike to the last byte, with other weights beside them, one after the other."""
    monkeypatch.setenv("POCKETSR_CACHE", str(tmp_path / "cache"))
    paths = [saved(flat(gain), tmp_path / str(gain)) for gain in (1.0, 0.5)]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    found = [int(load(path, threads=1)(np.full((4, 4), 100, np.uint8))[3, 3]) for path in paths]
    assert found == [100, 50]
    (tmp_path / "0.5" / "net.data").unlink()
    with pytest.raises(UserError, match=r"net\.data': there is no such file"):
        load(paths[1])


def test_the_network_is_what_it_is_in_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POCKETSR_CACHE", str(tmp_path / "cache"))
    (tmp_path / "inside").mkdir()
    (tmp_path / "beside").mkdir()
    onnx.save(chain(), tmp_path / "inside" / "net.onnx")
    beside = saved(chain(), tmp_path / "beside")
    assert (load(tmp_path / "inside" / "net.onnx")(IMAGE) == load(beside)(IMAGE)).all()


def pointed(folder: Path, **external: str) -> Path:
    """A network whose first tensor says that it lies elsewhere."""
    model = chain()
    tensor = model.graph.initializer[0]
    (folder / "net.data").write_bytes(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": "net.data", **external}.items():
        tensor.external_data.append(onnx.StringStringEntryProto(key=key, value=value))
    (folder / "net.onnx").write_bytes(model.SerializeToString())
    return folder / "net.onnx"


@pytest.mark.parametrize(
    ("external", "reason"),
    [
        ({"location": "../net.data"}, "no path that leads out"),
        ({"location": "a/../../net.data"}, "no path that leads out"),
        ({"location": "/etc/passwd"}, "no path that leads out"),
        ({"location": "C:\\net.data"}, "no path that leads out"),
        ({"location": ""}, "no path that leads out"),
        ({"location": "."}, "no path that leads out"),
        ({"location": "nowhere"}, "no such file"),
        ({"location": "net\n\x1b.data"}, r"'net\\n\\x1b\.data'"),
        ({"offset": "4"}, "288 bytes, and 292 are needed|bytes where its shape needs"),
        ({"offset": "999999999999"}, "are needed"),
        ({"offset": "-4"}, "negative"),
        ({"length": "-1"}, "negative"),
        ({"length": "10"}, "has 10 bytes where its shape needs 288"),
        ({"length": "99999999999999"}, "are needed"),
        ({"offset": "x"}, "no number"),
    ],
)
def test_what_lies_elsewhere_or_does_not_fit_is_refused(external: dict[str, str], reason: str, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    path = pointed(tmp_path, **external)
    with pytest.raises(UserError, match=reason) as caught:
        read_network(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("how", ["file", "folder", "pipe", "directory"])
def test_links_and_what_is_no_file_are_not_followed(how: str, tmp_path: Path) -> None:
    path = pointed(tmp_path, location="sub/net.data" if how == "folder" else "net.data")
    data = tmp_path / "net.data"
    (tmp_path / "elsewhere").mkdir()
    data.rename(tmp_path / "elsewhere" / "net.data")
    match how:
        case "file":
            data.symlink_to(tmp_path / "elsewhere" / "net.data")
        case "folder":
            (tmp_path / "sub").symlink_to(tmp_path / "elsewhere")
        case "pipe":
            os.mkfifo(data)
        case "directory":
            data.mkdir()
    with pytest.raises(UserError, match=r"is a link|no plain file"):
        read_network(path)


def test_a_file_in_a_folder_below_is_fine(tmp_path: Path) -> None:
    path = pointed(tmp_path, location="sub/net.data")
    (tmp_path / "sub").mkdir()
    (tmp_path / "net.data").rename(tmp_path / "sub" / "net.data")
    assert read_file(path).external.keys() == {("sub/net.data", "", "")}
    assert read_network(path)[1].params == read_network(_inside(tmp_path))[1].params


def _inside(folder: Path) -> Path:
    onnx.save(chain(), folder / "inside.onnx")
    return folder / "inside.onnx"


def half(model: onnx.ModelProto) -> onnx.ModelProto:
    """`model` in half floats, as chaiNNer and onnxconverter-common write it."""
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name))
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.elem_type = TensorProto.FLOAT16
    return model


def test_half_floats_are_read_exactly(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    onnx.save(half(chain()), path)
    rounded = chain()  # the same numbers, as float32
    for tensor in rounded.graph.initializer:
        array = numpy_helper.to_array(tensor).astype(np.float16).astype(np.float32)
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    x = np.random.default_rng(0).random((9, 11), np.float32)
    (expected,) = ReferenceEvaluator(rounded).run(None, {"x": x[None, None]})
    assert np.abs(load(path, threads=1)(x) - expected[0, 0]).max() < 1e-5


def test_the_cases_of_other_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch's exporter with weights beside the file, twice from one graph; chaiNNer's half floats; Elu."""
    cases = Path(__file__).parents[3] / "shared" / "cases" / "media"
    if not cases.is_dir():
        pytest.skip("../shared/cases is absent")
    monkeypatch.setenv("POCKETSR_CACHE", str(tmp_path))
    y = np.random.default_rng(0).integers(0, 256, (20, 24), np.uint8)
    one, two = (load(cases / folder / "net.onnx", threads=1) for folder in ("n10_stale1", "n10_stale2"))
    assert (one(y) != two(y)).any()
    for name in ("n20_fp16", "n09_dynamo_elu"):
        network = load(cases / f"{name}.onnx", threads=1)
        image = y if network.channels == 1 else np.stack([y] * 3, 2)
        assert network(image).shape[0] == network.scale * 20


@pytest.mark.parametrize("kind", ["fifo", "device", "folder"])
def test_what_is_no_plain_file_is_neither_waited_for_nor_read_without_end(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    match kind:
        case "fifo":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "folder":
            path.mkdir()
    with pytest.raises(UserError, match=r"no plain file|Is a directory"):
        read_file(path)
    with pytest.raises(UserError, match="no plain file"):
        models.resolve(path)


def test_a_name_longer_than_a_disk_takes_is_said(tmp_path: Path) -> None:
    path = saved(flat(1.0), tmp_path)
    model = onnx.load(path, load_external_data=False)
    for entry in model.graph.initializer[0].external_data:
        if entry.key == "location":
            entry.value = "a" * 300
    path.write_bytes(model.SerializeToString())
    with pytest.raises(UserError, match="File name too long"):
        read_file(path)


def test_a_graph_without_an_output_is_called_that(tmp_path: Path) -> None:
    model = flat(1.0)
    del model.graph.output[:]
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(UserError, match="it has no output"):
        read_network(tmp_path / "net.onnx")
