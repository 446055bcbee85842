"""Checkpoints made to harm: what they state is not believed, and each fault is a sentence."""

from __future__ import annotations

import os
import zipfile

import pytest
from memory import at_most
from typer.testing import CliRunner

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
safetensors = pytest.importorskip("safetensors.torch", reason="safetensors is not installed")

from depth_completion_ros import create_completer  # noqa: E402
from depth_completion_ros.cli.app import app  # noqa: E402
from depth_completion_ros.completion.weights.checkpoint import read_checkpoint  # noqa: E402
from depth_completion_ros.completion.weights.folder import import_weights  # noqa: E402
from depth_completion_ros.completion.weights.licences import licence_of_folder  # noqa: E402

GIB = 1 << 30


def refusal(path) -> str:
    with pytest.raises((ValueError, FileNotFoundError)) as refused:
        read_checkpoint(path)
    said = str(refused.value)
    assert str(path) in said and said.endswith(".") and "\n" not in said
    return said


@pytest.fixture
def tiny_weights(tiny):
    torch.manual_seed(1)
    return tiny.make_network("narrow").state_dict()


# Sizes -------------------------------------------------------------------------------------------


def test_a_compressed_archive_is_refused_before_it_is_unpacked(tmp_path):
    torch.save({"weight": torch.zeros(GIB // 32)}, tmp_path / "plain.pt")
    with zipfile.ZipFile(tmp_path / "plain.pt") as plain:
        content = {name: plain.read(name) for name in plain.namelist()}
    with zipfile.ZipFile(tmp_path / "a.pt", "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in content.items():
            packed.writestr(name, data)
    assert (tmp_path / "a.pt").stat().st_size < 1_000_000
    with at_most(20):
        assert "is compressed; torch.save stores tensors as they are" in refusal(tmp_path / "a.pt")


def test_entries_that_share_their_bytes_are_refused(tmp_path):
    path = tmp_path / "a.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", bytes(10_000))
        first = archive.infolist()[0]
        for number in range(100):
            entry = zipfile.ZipInfo(f"a/data/{number}")
            entry.header_offset, entry.CRC = first.header_offset, first.CRC
            entry.file_size = entry.compress_size = first.file_size
            archive.filelist.append(entry)
    assert "its entries state 1010000 bytes" in refusal(path)


def test_a_tensor_that_repeats_one_value_costs_no_memory_and_has_a_limit(tmp_path, monkeypatch):
    torch.save({"weight": torch.ones(1).expand(GIB)}, tmp_path / "a.pt")
    with at_most(20):
        assert read_checkpoint(tmp_path / "a.pt").shapes == {"weight": (GIB,)}
    torch.save({"weight": torch.ones(1).expand(1 << 40)}, tmp_path / "a.pt")
    with at_most(20):
        assert "has 4398046511104 bytes of tensors; at most 8589934592" in refusal(tmp_path / "a.pt")
    monkeypatch.setenv("DEPTH_COMPLETION_MAX_TENSOR_BYTES", "11")
    torch.save({"weight": torch.ones(3)}, tmp_path / "a.pt")
    assert "has 12 bytes of tensors; at most 11 are allowed" in refusal(tmp_path / "a.pt")


def test_a_tensor_that_overlaps_itself_is_refused(tmp_path):
    values = torch.ones(1000).as_strided((900, 100), (1, 1))
    torch.save({"weight": values}, tmp_path / "a.pt")
    assert "'weight' has (900, 100) of only 4000 bytes" in refusal(tmp_path / "a.pt")


# Kinds of tensors --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tensor", "words"),
    [
        (torch.eye(3).to_sparse(), "is sparse"),
        (torch.eye(3).to_sparse_csr(), "is sparse"),
        (torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8), "is quantised"),
        (torch.empty(3, device="meta"), "is without values (of the device meta)"),
        (torch.ones(3, dtype=torch.int8), "is of int8"),
        (torch.ones(3, dtype=torch.complex64), "is of complex64"),
        (torch.ones(3, dtype=torch.bool), "is of bool"),
    ],
    ids=["coo", "csr", "quantised", "meta", "int8", "complex", "bool"],
)
def test_tensors_that_are_no_weights_are_refused_in_words(tmp_path, tensor, words):
    torch.save({"weight": tensor}, tmp_path / "a.pt")
    assert f"cannot be used: 'weight' {words}" in refusal(tmp_path / "a.pt")


def test_whole_numbers_in_place_of_weights_are_refused(tiny, tiny_weights, weights_folder, tmp_path):
    path = tmp_path / "a.safetensors"
    safetensors.save_file({key: (9 * tensor).long() for key, tensor in tiny_weights.items()}, path)
    words = "'weight' is of whole numbers; it must be of floating point"
    with pytest.raises(ValueError, match=words):
        create_completer("tiny", weights=str(path), device="cpu")
    with pytest.raises(ValueError, match=words):
        import_weights(path)
    assert not weights_folder.exists() or not list(weights_folder.iterdir())


# Damage ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["pt", "old", "safetensors"])
def test_damage_anywhere_is_a_sentence_or_harmless(tmp_path, kind):
    import numpy as np

    whole, path = tmp_path / "whole", tmp_path / "a"
    weights = {"weight": torch.rand(4, 3), "bias": torch.rand(4)}
    if kind == "safetensors":
        safetensors.save_file(weights, whole)
    else:
        torch.save(weights, whole, _use_new_zipfile_serialization=kind == "pt")
    data = np.frombuffer(whole.read_bytes(), np.uint8)
    random = np.random.default_rng(3)
    refused = 0
    for _ in range(150):
        broken = data.copy()
        broken[random.integers(0, len(data), 3)] = random.integers(0, 256, 3)
        path.write_bytes(broken.tobytes())
        refused += told(path)
    assert refused > 30


def told(path) -> bool:
    """Whether a file is refused, which must be in a sentence."""
    try:
        read_checkpoint(path)
    except ValueError:
        return bool(refusal(path))
    return False


def test_a_stored_file_that_was_changed_is_noticed(tiny, tiny_weights, weights_folder, tmp_path):
    torch.save(tiny_weights, tmp_path / "a.pt")
    stored = import_weights(tmp_path / "a.pt").path
    create_completer("tiny", weights="a", device="cpu")
    data = bytearray(stored.read_bytes())
    data[-4] ^= 1  # the last bit of a number
    stored.write_bytes(data)
    assert "its values are not those of which it notes the SHA-256" in refusal(stored)


def test_folders_pipes_and_dead_links_of_that_name_are_left_out_of_the_list(
    tiny, tiny_weights, weights_folder, tmp_path
):
    torch.save(tiny_weights, tmp_path / "a.pt")
    import_weights(tmp_path / "a.pt")
    (weights_folder / "x.safetensors").mkdir()
    os.mkfifo(weights_folder / "y.safetensors")
    (weights_folder / "z.safetensors").symlink_to("nowhere")
    result = CliRunner().invoke(app, ["weights", "list"])
    assert result.exit_code == 0 and len(result.output.splitlines()) == 1
    assert "is a folder; it must be a file" in refusal(weights_folder / "x.safetensors")
    assert "is a pipe, socket or device; it must be a file" in refusal(weights_folder / "y.safetensors")


# Licences ----------------------------------------------------------------------------------------


def test_the_licence_of_weights_that_tell_none_is_asked_for(tiny, tiny_weights, weights_folder, tmp_path):
    path = tmp_path / "a.pt"
    torch.save(tiny_weights, path)
    (warning,) = create_completer("tiny", weights=str(path), device="cpu").warnings
    assert warning.startswith("The licence of the weights 'a.pt' (PyTorch) is not known: see that it permits")
    assert not create_completer("tiny", weights=str(path), device="cpu", allow_noncommercial=True).warnings
    import_weights(path, licence="MIT")
    assert not create_completer("tiny", weights="a", device="cpu").warnings


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: cc-by-nc-4.0\ntags: [depth]\n---\n# Card", "cc-by-nc-4.0"),
        ("---\nlicence: 'apache-2.0'\n---", "apache-2.0"),
        ("# Card without one", ""),
        (None, ""),
    ],
)
def test_the_licence_of_a_folder_is_that_of_its_model_card(tmp_path, card, licence):
    if card is not None:
        (tmp_path / "README.md").write_text(card)
    assert licence_of_folder(tmp_path) == licence
