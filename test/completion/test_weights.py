"""Checkpoints: what is read, what is refused and in which words, and the folder of stored weights."""

from __future__ import annotations

import argparse
import hashlib
import os
import zipfile

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
safetensors = pytest.importorskip("safetensors.torch", reason="safetensors is not installed")

from typer.testing import CliRunner  # noqa: E402

from depth_completion_ros import create_completer  # noqa: E402
from depth_completion_ros.cli.app import app  # noqa: E402
from depth_completion_ros.completion.weights.checkpoint import (  # noqa: E402
    Checkpoint,
    identify,
    known_shapes,
    load_into,
    read_checkpoint,
)

WEIGHTS = {"weight": torch.arange(108.0).reshape(3, 4, 3, 3), "bias": torch.tensor([1.0, 2.0, 3.0])}


def refusal(path) -> str:
    with pytest.raises((ValueError, FileNotFoundError)) as refused:
        read_checkpoint(path)
    return str(refused.value)


# Reading -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("old", [False, True], ids=["zip", "old"])
@pytest.mark.parametrize(
    "content",
    [
        WEIGHTS,
        {"net": WEIGHTS, "args": argparse.Namespace(lr=1e-3, path="x", steps=[1, 2]), "epoch": 7},
        {"state_dict": {f"module.{key}": tensor for key, tensor in WEIGHTS.items()}},
    ],
    ids=["plain", "official", "data parallel"],
)
def test_what_pytorch_saves_is_read(tmp_path, content, old):
    torch.save(content, tmp_path / "a.pt", _use_new_zipfile_serialization=not old)
    checkpoint = read_checkpoint(tmp_path / "a.pt")
    assert checkpoint.shapes == {"weight": (3, 4, 3, 3), "bias": (3,)}
    assert all(torch.equal(checkpoint.state_dict[key], WEIGHTS[key]) for key in WEIGHTS)


def test_safetensors_are_read_with_what_is_noted_in_them(tmp_path):
    safetensors.save_file(WEIGHTS, tmp_path / "a.safetensors", {"licence": "MIT"})
    checkpoint = read_checkpoint(tmp_path / "a.safetensors")
    assert checkpoint.metadata["licence"] == "MIT"
    assert torch.equal(checkpoint.state_dict["weight"], WEIGHTS["weight"])


@pytest.mark.parametrize("kind", ["pt", "old", "safetensors"])
def test_a_file_that_is_cut_off_is_told_wherever_it_ends(tmp_path, kind):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    if kind == "safetensors":
        safetensors.save_file(WEIGHTS, whole)
    else:
        torch.save(WEIGHTS, whole, _use_new_zipfile_serialization=kind == "pt")
    data = whole.read_bytes()
    for length in (0, 7, 40, len(data) // 2, len(data) - 1):
        cut.write_bytes(data[:length])
        said = refusal(cut)
        assert "is damaged or cut off" in said or "is no checkpoint: it " in said
        assert str(cut) in said and said.endswith(".") and "\n" not in said


def test_a_changed_byte_is_noticed(tmp_path):
    torch.save(WEIGHTS, tmp_path / "a.pt")
    data = bytearray((tmp_path / "a.pt").read_bytes())
    at = data.index(WEIGHTS["weight"].numpy().tobytes())
    data[at + 2] ^= 0x40
    (tmp_path / "a.pt").write_bytes(data)
    assert "is damaged: the check sum of" in refusal(tmp_path / "a.pt")


class Attack:
    """Runs a command when it is unpickled."""

    def __init__(self, command: str):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.mark.parametrize("old", [False, True], ids=["zip", "old"])
def test_a_pickle_that_would_run_code_is_refused_and_runs_none(tmp_path, old):
    content = {"net": WEIGHTS, "extra": Attack(f"touch {tmp_path / 'ran'}")}
    torch.save(content, tmp_path / "a.pt", _use_new_zipfile_serialization=not old)
    assert "holds more than weights (posix.system) and is not opened" in refusal(tmp_path / "a.pt")
    assert not (tmp_path / "ran").exists()


def test_a_whole_module_is_refused_with_what_to_ask_for(tmp_path):
    torch.save(torch.nn.Conv2d(1, 1, 1), tmp_path / "a.pt")
    assert "ask its author for safetensors or a plain state dict" in refusal(tmp_path / "a.pt")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "it is empty"),
        (b"<!DOCTYPE html><html>quota exceeded", "it is a web page"),
        (b"version https://git-lfs.github.com/spec/v1", "it is a pointer of Git LFS"),
        (b"\x89PNG\r\n\x1a\n0000", "neither safetensors nor PyTorch"),
    ],
)
def test_a_file_that_is_no_checkpoint_is_told_by_what_it_looks_like(tmp_path, data, words):
    (tmp_path / "a.pt").write_bytes(data)
    assert words in refusal(tmp_path / "a.pt")


def test_other_archives_and_contents_are_no_checkpoint(tmp_path):
    assert refusal(tmp_path / "none.pt") == f"There is no checkpoint '{tmp_path / 'none.pt'}'."
    with zipfile.ZipFile(tmp_path / "a.pt", "w") as archive:
        archive.writestr("photo.txt", "of a cat")
    assert "it is a zip file of something else" in refusal(tmp_path / "a.pt")
    torch.save({"net": {}, "epoch": 3}, tmp_path / "a.pt")
    assert "it holds a dict with nothing" in refusal(tmp_path / "a.pt")
    torch.save([1, 2], tmp_path / "a.pt")
    assert "it holds a list" in refusal(tmp_path / "a.pt")
    torch.save({0: torch.ones(1)}, tmp_path / "a.pt")
    assert "it holds a dict with 0, not tensors by key" in refusal(tmp_path / "a.pt")


def test_values_that_are_not_finite_are_refused_with_their_key(tmp_path):
    torch.save(WEIGHTS | {"bias": torch.tensor([1.0, float("nan"), 3.0])}, tmp_path / "a.pt")
    assert "'bias' holds values that are not finite" in refusal(tmp_path / "a.pt")


# Fitting a network -------------------------------------------------------------------------------


def misfit_sentence(variant, checkpoint) -> str:
    from depth_completion_ros.completion.mspn import MSPN

    with torch.device("meta"), pytest.raises(ValueError) as refused:
        load_into(MSPN(variant), checkpoint)
    return str(refused.value)


def test_each_variant_is_identified_by_its_keys_and_shapes(official):
    twins = ["mspn:sdr_nyu", "mspn:sdr_kitti"]
    assert [identify(known_shapes()[name]) for name in twins] == [twins, twins]
    for variant in ("conventional_nyu", "conventional_kitti"):
        assert identify(read_checkpoint(official(variant)).shapes) == [f"mspn:{variant}"]


def test_weights_of_another_variant_are_refused_with_the_one_they_fit(official):
    said = misfit_sentence("sdr_kitti", read_checkpoint(official("conventional_nyu")))
    assert said.startswith("'CONVENTIONAL_NYU.pt' (PyTorch) does not fit: it is of another architecture, ")
    assert "'backbone.conv1.0.weight' 64 x 64 x 3 x 3 in place of 64 x 80 x 3 x 3 and " in said
    assert said.endswith("These are weights of mspn:conventional_nyu.")
    said = misfit_sentence("conventional_kitti", read_checkpoint(official("sdr_nyu")))
    assert said.endswith("These are weights of mspn:sdr_nyu or mspn:sdr_kitti.")


def test_missing_and_unexpected_keys_are_named_and_counted(official):
    def lose(state_dict):
        del state_dict["prop_layer.mspn.rpb"], state_dict["backbone.conv1.0.bias"]

    said = misfit_sentence("sdr_nyu", read_checkpoint(official("sdr_nyu", lose, "lost")))
    assert "of 776 tensors it lacks 'backbone.conv1.0.bias' and 1 more." in said

    def gain(state_dict):
        state_dict["head.weight"] = torch.ones(1)

    said = misfit_sentence("sdr_nyu", read_checkpoint(official("sdr_nyu", gain, "gained")))
    assert said.endswith("the network has no place for 'head.weight'.")
    said = misfit_sentence("sdr_nyu", Checkpoint(dict(WEIGHTS), "'b.pt'"))
    assert "it is of another network, only 0 of whose 776 tensors it has." in said


# The folder --------------------------------------------------------------------------------------


def command(*arguments) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["weights", *map(str, arguments)])
    return result.exit_code, result.output


@pytest.fixture
def tiny_file(tiny, tmp_path):
    """A checkpoint of `tiny:narrow`."""
    torch.manual_seed(1)
    path = tmp_path / "My tiny.v2.pt"
    torch.save({"net": tiny.make_network("narrow").state_dict()}, path)
    return path


def test_an_official_file_is_stored_under_its_name_and_then_taken_by_it(official, weights_folder):
    file = official("sdr_kitti")
    code, said = command("import", file, "--licence", "MIT")
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    assert code == 0, said
    assert f"weights of mspn:sdr_kitti, 82,504,674 parameters, SHA-256 {sha256}." in said
    code, said = command("list")
    assert said.split() == (
        f"sdr_kitti mspn:sdr_kitti, licence MIT, from SDR_KITTI.pt, SHA-256 {sha256[:12]}".split()
    )
    completer = create_completer("mspn", variant="sdr_kitti", weights="sdr_kitti", device="cpu")
    assert not completer.warnings and completer.report()["licence of the weights"] == "MIT"
    assert all((p == p.new_tensor(0.01)).all() for p in completer.network.parameters())
    with pytest.raises(ValueError, match="is stored as weights of mspn:sdr_kitti, not of mspn:sdr_nyu"):
        create_completer("mspn", variant="sdr_nyu", weights="sdr_kitti", device="cpu")


def test_what_is_stored_is_taken_by_path_or_name(tiny_file, weights_folder):
    assert command("import", tiny_file)[0] == 0
    stored = weights_folder / "my_tiny_v2.safetensors"
    by_name = create_completer("tiny", weights="my_tiny_v2", device="cpu").network.weight
    for path in (stored, tiny_file):
        assert torch.equal(by_name, create_completer("tiny", weights=str(path), device="cpu").network.weight)
    with pytest.raises(FileNotFoundError, match=r"Weights 'your_tiny' .* \(there: my_tiny_v2\)"):
        create_completer("tiny", weights="your_tiny")
    with pytest.raises(FileNotFoundError, match="There is no checkpoint 'my/tiny'"):
        create_completer("tiny", weights="my/tiny")


def test_tensors_that_share_memory_are_stored_too(tiny, weights_folder, tmp_path):
    flat = torch.arange(74.0)
    torch.save({"weight": flat[:72].reshape(2, 4, 3, 3), "bias": flat[72:]}, tmp_path / "flat.pt")
    code, said = command("import", tmp_path / "flat.pt")
    assert code == 0, said
    weight = create_completer("tiny", weights="flat", device="cpu").network.weight
    assert torch.equal(weight.flatten(), flat[:72])


def test_a_name_is_given_once_and_the_same_file_may_come_again(tiny_file, weights_folder, tmp_path):
    assert (
        command("import", tiny_file, "--name", "a")[0] == command("import", tiny_file, "--name", "a")[0] == 0
    )
    other = tmp_path / "other.pt"
    torch.save(torch.nn.Conv2d(4, 2, 5).state_dict(), other)
    code, said = command("import", other, "--name", "a")
    assert code == 2 and "already; give another name." in said
    assert command("import", other, "--name", "a", "--out", tmp_path / "there")[0] == 0
    assert (tmp_path / "there" / "a.safetensors").is_file()
    assert not list(weights_folder.glob("*.unfinished"))


def test_a_damaged_stored_file_is_left_out_and_can_be_stored_anew(tiny_file, weights_folder):
    weights_folder.mkdir()
    (weights_folder / "a.safetensors").write_bytes(b"half a file")
    assert command("list")[0] == 0
    code, said = command("import", tiny_file, "--name", "a")
    assert code == 0, said
    assert create_completer("tiny", weights="a", device="cpu").report()["weights"] != "random"


def test_what_fits_no_network_is_not_stored_and_the_nearest_is_named(tiny_file, weights_folder, tmp_path):
    bad = tmp_path / "bad.pt"
    torch.save(torch.load(tiny_file)["net"] | {"head": torch.ones(2)}, bad)
    code, said = command("import", bad)
    assert code == 2 and "the nearest is tiny:narrow, but the network has no place for 'head'." in said
    code, said = command("import", bad, "--network", "tiny:wide")
    assert code == 2 and "does not fit tiny:wide: it is of another architecture" in said
    code, said = command("import", bad, "--network", "tiny:broad")
    assert code == 2 and "Network 'tiny:broad' is unknown; it must be one of mspn_lite:general, " in said
    assert not weights_folder.exists()
    assert command("import", bad, "--network", "tiny:narrow", "--drop-unexpected")[0] == 0
    assert (
        create_completer("tiny", weights="bad", device="cpu").report()["weights"]
        == "'bad.safetensors' (safetensors)"
    )


@pytest.mark.parametrize("licence", ["CC-BY-NC-4.0", "for non-commercial research"])
def test_non_commercial_weights_load_only_when_the_user_says_so(tiny_file, weights_folder, licence):
    command("import", tiny_file, "--name", "nc", "--licence", licence)
    with pytest.raises(ValueError, match="is for non-commercial use only .* set allow_noncommercial"):
        create_completer("tiny", weights="nc", device="cpu")
    allowed = create_completer("tiny", weights="nc", device="cpu", allow_noncommercial=True)
    assert allowed.licence == licence


def test_the_licence_in_a_file_goes_along_and_the_users_word_comes_first(tiny, weights_folder, tmp_path):
    file = tmp_path / "mine.safetensors"
    noted = {"licence": "CC-BY-NC-4.0", "networks": "tiny:narrow"}
    safetensors.save_file(tiny.make_network("narrow").state_dict(), file, noted)
    code, said = command("import", file)
    assert code == 0 and "licence CC-BY-NC-4.0" in said
    with pytest.raises(ValueError, match="is for non-commercial use only"):
        create_completer("tiny", weights="mine", device="cpu")
    code, said = command("import", file, "--name", "bought", "--licence", "proprietary")
    assert code == 0 and "licence proprietary" in said
    assert create_completer("tiny", weights="bought", device="cpu").licence == "proprietary"
