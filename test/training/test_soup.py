"""A soup is the mean of weights of one network; what cannot be one is refused in a sentence."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("depth_completion_training", reason="the training tree is not installed")

from depth_completion_training.export import write_weights  # noqa: E402
from depth_completion_training.soup import main  # noqa: E402
from safetensors import safe_open  # noqa: E402

TOLD = {"networks": "efficient_spn:general", "licence": "Apache-2.0"}


def weights(folder, name: str, value: float, **told):
    tensors = {"w": torch.full((2, 3), value).half(), "b": torch.tensor([value]), "n": torch.tensor(7)}
    path = folder / f"{name}.safetensors"
    write_weights(tensors | told.pop("more", {}), path, TOLD | {"origin": f"{name} after 5 steps"} | told)
    return str(path)


def test_a_soup_is_the_mean_and_says_of_what(tmp_path, capsys):
    files = [weights(tmp_path, name, value) for name, value in (("a", 1.0), ("b", 2.0), ("c", 6.0))]
    main([*files, str(tmp_path / "soup.safetensors")])
    with safe_open(tmp_path / "soup.safetensors", "pt") as file:
        assert file.get_tensor("w").dtype == torch.float16 and torch.all(file.get_tensor("w") == 3)
        assert file.get_tensor("b").tolist() == [3.0] and file.get_tensor("n") == 7
        said = file.metadata()
    assert said["origin"] == "mean of 3: a after 5 steps; b after 5 steps; c after 5 steps"
    assert {name: said[name] for name in TOLD} == TOLD and len(said["content_sha256"]) == 64
    assert "the mean of 3" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"licence": "CC-BY-NC-4.0"}, "differ in their licence"),
        ({"networks": "mspn_lite:general"}, "differ in their networks"),
        ({"more": {"extra": torch.ones(1)}}, "are not weights of the same network"),
    ],
)
def test_what_differs_is_refused(tmp_path, other, words):
    files = [weights(tmp_path, "a", 1.0), weights(tmp_path, "b", 2.0, **other)]
    with pytest.raises(SystemExit, match=words):
        main([*files, str(tmp_path / "soup.safetensors")])
    assert not (tmp_path / "soup.safetensors").exists()


def test_one_file_is_no_soup_and_a_missing_one_is_named(tmp_path):
    one = weights(tmp_path, "a", 1.0)
    with pytest.raises(SystemExit, match="two or more"):
        main([one, str(tmp_path / "soup.safetensors")])
    with pytest.raises(SystemExit, match="There are no weights 'gone.safetensors'"):
        main([one, "gone.safetensors", str(tmp_path / "soup.safetensors")])
