"""The completion node with a network: what it publishes and says, what cannot be configured, memory."""

from __future__ import annotations

import numpy as np
import pytest
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from robot import START, STEP, Robot, completion_node, frame, overrides

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from depth_completion_ros.completion import Source, create_completer  # noqa: E402

SUCCESS = TransitionCallbackReturn.SUCCESS
COMPLETER, LIFE_CYCLE = "completion: completer", "completion: life cycle"
RANDOM = "The weights of 'mspn' are random: its depth is meaningless."


def plane(message, dtype=np.float32) -> np.ndarray:
    return np.frombuffer(message.data, dtype).reshape(message.height, message.width)


def values(robot) -> dict[str, str]:
    return robot.statuses[COMPLETER][2]


def test_the_node_publishes_what_the_network_gives_and_says_what_it_runs(ros, tiny_mspn):
    robot = Robot(ros, outputs=("depth/image", "depth/confidence", "depth/source"))
    completion_node(ros, completer="mspn", device="cpu", inner_size=80)
    robot.connect()
    robot.send(START)
    robot.wait_for_outputs(1, "depth/source")
    expected = tiny_mspn(inner_size=80)(frame())
    out = {topic: messages[0] for topic, messages in robot.received.items()}
    np.testing.assert_allclose(plane(out["depth/image"]), expected.depth, rtol=1e-4)
    np.testing.assert_allclose(plane(out["depth/confidence"]), expected.confidence, atol=1e-4)
    np.testing.assert_array_equal(plane(out["depth/source"], np.uint8), expected.source)
    assert np.count_nonzero(expected.source == Source.MEASURED) > 100
    robot.wait_for_status(COMPLETER, "WARN", f"mspn: works. {RANDOM}")
    said = values(robot)
    assert (said["variant"], said["device"], said["precision"]) == ("sdr_nyu", "cpu", "float32")
    assert (said["weights"], said["inner size"]) == ("random", "80")
    assert said["warmed up"].startswith("at 96 x 64, in "), "its kernels are compiled before the first frame"
    assert said["prior"] == "none: linear completion in its place"


def test_stored_weights_are_named_with_their_licence_and_leave_nothing_to_warn_of(
    ros, tiny_mspn, official, weights_folder
):
    from depth_completion_ros.completion.weights.folder import import_weights

    import_weights(official("sdr_kitti"), licence="MIT")
    robot = Robot(ros)
    node = completion_node(ros, completer="mspn", variant="sdr_kitti", weights="sdr_kitti", device="cpu")
    robot.wait_for_status(COMPLETER, "OK", "mspn: no frame yet.")
    assert values(robot)["weights"] == "'sdr_kitti.safetensors' (safetensors)"
    assert values(robot)["licence of the weights"] == "MIT"
    node.trigger_deactivate()
    node.trigger_cleanup()
    assert node._completer is None and node._live is None, "the network still takes memory"


def test_the_network_is_warmed_up_before_the_node_is_active_where_the_size_is_given(ros, tiny_mspn):
    robot = Robot(ros)
    completion_node(ros, completer="mspn", device="cpu", warm_up_size=[64, 48])
    robot.wait_for_status(COMPLETER, "WARN", "no frame yet")
    assert values(robot)["warmed up"].startswith("at 64 x 48, in ")


def test_a_prior_is_reported_with_its_age_and_how_well_it_fits(ros, tiny_mspn, tmp_path):
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    save_network_of_rows(tmp_path / "rows.onnx")
    robot = Robot(ros)
    prior = f"{tmp_path / 'rows.onnx'}@depth"
    completion_node(ros, completer="mspn", device="cpu", prior=prior, prior_every=2)
    robot.connect()
    for i in range(2):
        robot.send(START + i * STEP)
        robot.wait_for_outputs(i + 1)
    robot.wait_for_status(COMPLETER, "WARN", "mspn: works.")
    assert ros.spin_until(lambda: values(robot).get("age of the prior (frames)") == "1")
    said = values(robot)
    assert said["prior"] == "rows" and "your file" in said["licence of the prior"]
    offline = tiny_mspn(prior=prior, prior_every=2)
    for _ in range(2):
        offline(frame())
    expected = offline.report()
    for name in ("inliers", "scale"):
        assert float(said[name]) == pytest.approx(float(expected[name]), rel=1e-3), name


def save_network_of_rows(path):
    """A network that takes the red, which grows to the right in the robot's image, for depth."""
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    make = onnx.helper
    image = make.make_tensor_value_info("image", onnx.TensorProto.FLOAT, [1, 3, 28, 42])
    depth = make.make_tensor_value_info("depth", onnx.TensorProto.FLOAT, [1, 1, 28, 42])
    first = make.make_tensor("first", onnx.TensorProto.INT64, [1], [0])
    nodes = [make.make_node("Gather", ["image", "first"], ["depth"], axis=1)]
    graph = make.make_graph(nodes, "rows", [image], [depth], [first])
    onnx.save(make.make_model(graph, opset_imports=[make.make_opsetid("", 18)], ir_version=9), str(path))


def test_a_diffusion_runs_in_the_node_with_settings_of_its_own(ros):
    pytest.importorskip("diffusers", reason="diffusers is not installed")
    robot = Robot(ros)
    asked = {"completer": "depthlab", "variant": "tiny", "settings": "steps=2,strength=1", "device": "cpu"}
    completion_node(ros, **asked)
    robot.connect()
    robot.send(START)
    robot.wait_for_outputs(1)
    robot.wait_for_status(COMPLETER, "WARN", "depthlab: works.")
    assert (values(robot)["steps"], values(robot)["strength"]) == ("2", "1")


# What cannot be configured -----------------------------------------------------------------------


def missing(path, official):
    return path / "none.pt"


def cut_off(path, official):
    file = path / "cut.pt"
    file.write_bytes(official("sdr_nyu").read_bytes()[:-400])
    return file


def web_page(path, official):
    file = path / "SDR_NYU.pt"
    file.write_bytes(b"<html>Too many users have viewed this file")
    return file


def without_a_key(path, official):
    return official("sdr_nyu", lambda state_dict: state_dict.pop("backbone.bias"), "lost")


def of_another_variant(path, official):
    return official("conventional_kitti")


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (missing, "There is no checkpoint '"),
        (cut_off, "is damaged or cut off (File is not a zip file); get it again."),
        (web_page, "is no checkpoint: it is a web page, as a download that was refused leaves."),
        (without_a_key, "of 2 tensors it lacks 'backbone.bias'."),
        (of_another_variant, "These are weights of mspn:conventional_kitti."),
    ],
)
def test_weights_that_cannot_be_used_are_told_and_the_node_can_be_configured_otherwise(
    ros, tiny_mspn, official, tmp_path, weights, words
):
    robot = Robot(ros, outputs=())
    bad = str(weights(tmp_path, official))
    node = completion_node(ros, completer="mspn", device="cpu", weights=bad)
    message = robot.wait_for_status(LIFE_CYCLE, "ERROR", words)
    assert message.startswith("The node cannot be configured: ") and bad.rpartition("/")[2] in message
    node.set_parameters(overrides(completer="nearest", weights=""))
    assert node.trigger_configure() == node.trigger_activate() == SUCCESS


def test_the_right_weights_may_follow_wrong_ones(ros, tiny_mspn, official, tmp_path):
    robot = Robot(ros)
    node = completion_node(ros, completer="mspn", device="cpu", weights=str(cut_off(tmp_path, official)))
    node.set_parameters(overrides(weights=str(official("sdr_nyu"))))
    assert node.trigger_configure() == node.trigger_activate() == SUCCESS
    robot.connect()
    robot.send(START)
    robot.wait_for_outputs(1)
    robot.wait_for_status(COMPLETER, "WARN", "mspn: works. The licence of the weights")


@pytest.mark.parametrize(
    ("parameters", "words", "cure"),
    [
        ({"prior": "no_such"}, "Prior 'no_such' is unknown; it must be one of none, ", {"prior": ""}),
        ({"device": "cuda:7"}, "Device is 'cuda:7', but ", {"device": "cpu"}),
        (
            {"completer": "linear", "inner_size": 64},
            "Completer 'linear' takes no inner size",
            {"inner_size": 0},
        ),
        ({"prior": "depth_anything_v2_base"}, "set allow_noncommercial to true", {"prior": ""}),
    ],
)
def test_an_option_that_cannot_be_is_told_and_can_be_cured(ros, tiny_mspn, parameters, words, cure):
    robot = Robot(ros, outputs=())
    node = completion_node(ros, **{"completer": "mspn", "device": "cpu", **parameters})
    message = robot.wait_for_status(LIFE_CYCLE, "ERROR", words)
    assert message.startswith("The node cannot be configured: ")
    node.set_parameters(overrides(**cure))
    assert node.trigger_configure() == SUCCESS


def test_a_precision_that_does_not_exist_is_refused_at_start(ros):
    with pytest.raises(
        ValueError, match="Parameter 'precision' is 'half'; it must be one of auto, float32, "
    ):
        completion_node(ros, completer="mspn", precision="half")


def test_half_a_warm_up_size_is_refused_in_a_sentence(ros, tiny, capfd):
    completion_node(ros, completer="tiny", device="cpu", warm_up_size=[160, 0])
    assert "'warm_up_size' is 160, 0; both must be above 0, or both 0." in capfd.readouterr().err


def test_maps_made_beforehand_are_named_by_the_stamp_and_a_frame_without_one_costs_that_frame_only(
    ros, tiny_mspn, tmp_path
):
    np.save(tmp_path / f"{START}.npy", np.full((96, 160), 10, np.float32))
    robot = Robot(ros)
    node = completion_node(ros, completer="mspn", device="cpu", prior=f"{tmp_path}@metric")
    robot.connect()
    robot.send(START)
    robot.wait_for_outputs(1)
    robot.send(START + STEP)
    assert ros.spin_until(lambda: node.counters.snapshot().dropped == {"completer failed": 1})
    robot.wait_for_status(COMPLETER, "WARN", f"{START + STEP}")


def test_where_the_extrinsics_cannot_be_had_the_network_takes_no_memory(ros, tiny_mspn):
    robot = Robot(ros, outputs=())
    node = completion_node(
        ros, completer="mspn", device="cpu", extrinsics_source="file", extrinsics_file="/no/such.yaml"
    )
    robot.wait_for_status(LIFE_CYCLE, "ERROR", "/no/such.yaml")
    assert not hasattr(node, "_completer")


def test_a_look_of_the_prior_outlives_neither_deactivation_nor_a_bag_that_begins_again(
    ros, tiny_mspn, tmp_path
):
    for stamp in (START, START + STEP):
        np.save(tmp_path / f"{stamp}.npy", np.full((96, 160), 10, np.float32))
    robot = Robot(ros)
    node = completion_node(ros, completer="mspn", device="cpu", prior=f"{tmp_path}@metric", prior_every=9)
    robot.connect()

    def age_after(stamp: int) -> int:
        number = len(robot.received["depth/image"])
        robot.send(stamp)
        robot.wait_for_outputs(number + 1)
        return node._completer.report()["age of the prior (frames)"]

    assert [age_after(stamp) for stamp in (START, START + STEP, START)] == [0, 1, 0]
    node.trigger_deactivate()
    node.trigger_activate()
    robot.connect()
    assert age_after(START + STEP) == 0


# Memory ------------------------------------------------------------------------------------------


@pytest.fixture
def greedy(tiny, monkeypatch):
    """The completer `tiny`, which first asks for as many bytes as `wants` says for a width of image."""
    forward = tiny.forward

    def greedy_forward(self, rgb, sparse, *planes, points):
        torch.empty(self.wants(rgb.shape[-1]), dtype=torch.uint8)
        return forward(self, rgb, sparse, *planes, points=points)

    monkeypatch.setattr(tiny, "forward", greedy_forward)
    return tiny


PETABYTE = 2**50  # more than a processor can address


def test_when_memory_runs_out_the_node_goes_on_smaller_and_warns(ros, greedy, capfd):
    greedy.wants = staticmethod(lambda width: PETABYTE if width > 100 else 1)
    robot = Robot(ros)
    node = completion_node(ros, completer="tiny", device="cpu")
    robot.connect()
    for i in range(2):
        robot.send(START + i * STEP)
        robot.wait_for_outputs(i + 1)
    step = "Out of memory on cpu at 160 x 96; from now on the network works at 80 pixels at most."
    robot.wait_for_status(COMPLETER, "WARN", step)
    assert values(robot)["inner size"] == "80"
    assert node.counters.snapshot().lost == 0
    assert capfd.readouterr().err.count(step) == 1, "said once, not every frame"


def test_every_step_is_logged_however_soon_the_next_one_follows(ros, greedy, capfd):
    greedy.wants = staticmethod(lambda width: PETABYTE if width > 100 else 1)
    robot = Robot(ros)
    completion_node(ros, completer="tiny", device="cpu")
    robot.connect()
    robot.send(START)
    robot.wait_for_outputs(1)
    greedy.wants = staticmethod(lambda width: PETABYTE)
    robot.send(START + STEP)
    robot.wait_for_outputs(2)
    said = capfd.readouterr().err
    assert "works at 80 pixels at most" in said and "linear completion stands in" in said


def test_when_no_memory_is_left_for_the_network_linear_completion_stands_in(ros, greedy):
    greedy.wants = staticmethod(lambda width: PETABYTE)
    robot = Robot(ros)
    completion_node(ros, completer="tiny", device="cpu")
    robot.connect()
    robot.send(START)
    robot.wait_for_outputs(1)
    expected = create_completer("linear")(frame()).depth
    np.testing.assert_array_equal(plane(robot.received["depth/image"][0]), expected)
    robot.wait_for_status(COMPLETER, "WARN", "linear completion stands in for the network")
    assert values(robot)["device"] == "none: out of memory"


def test_warming_up_finds_out_about_memory_before_the_first_frame(ros, greedy):
    greedy.wants = staticmethod(lambda width: PETABYTE if width > 100 else 1)
    robot = Robot(ros)
    completion_node(ros, completer="tiny", device="cpu", warm_up_size=[160, 96])
    robot.wait_for_status(COMPLETER, "WARN", "no frame yet. The weights of 'tiny' are random")
    assert "works at 80 pixels at most" in robot.statuses[COMPLETER][1]


def completed_once(ros, **parameters) -> Robot:
    """A robot to which a node on the CPU has told the depth of one frame."""
    robot = Robot(ros)
    completion_node(ros, device="cpu", **parameters)
    robot.connect()
    robot.send(START)
    robot.wait_for_outputs(1)
    return robot


def test_weights_that_adapt_has_stored_run_as_onnx_by_their_name(ros, weights_folder):
    pytest.importorskip("onnx", reason="onnx is not installed")
    from depth_completion_ros.adaptation.run import read_start
    from depth_completion_ros.adaptation.store import write_weights

    metadata = {"networks": "efficient_spn:general", "licence": "internal", "origin": "a test"}
    write_weights(read_start(None).network, weights_folder / "my_robot", metadata)
    robot = completed_once(ros, completer="default", weights="my_robot")
    robot.wait_for_status(COMPLETER, "OK", "efficient_spn: works.")
    said = values(robot)
    assert (said["weights"], said["runs in"]) == ("my_robot.onnx, exported from a test", "ONNX Runtime")
    assert said["licence of the weights"] == "internal"


def test_bp_net_runs_in_the_node_from_the_file_that_was_exported(ros, exported_bpnet):
    pytorch, file = exported_bpnet
    robot = completed_once(ros, completer="bpnet", weights=str(file))
    robot.wait_for_status(COMPLETER, "OK", "bpnet: works.")
    said = values(robot)
    assert (said["weights"], said["runs in"]) == ("bpnet.onnx, exported from random", "ONNX Runtime")
    depth, expected = plane(robot.received["depth/image"][0]), pytorch(frame()).depth
    known = np.isfinite(depth)
    assert known.mean() > 0.5 and (known == np.isfinite(expected)).mean() > 0.999
    assert np.nanquantile(np.abs(depth / expected - 1), 0.999) < 1e-3


def test_the_runtime_is_a_parameter_that_diagnostics_tell_and_that_is_refused_where_it_cannot_be_had(ros):
    robot = Robot(ros)
    node = completion_node(ros, completer="default", device="cpu", runtime="pytorch")
    robot.wait_for_status(COMPLETER, "OK", "efficient_spn: no frame yet.")
    assert values(robot)["runs in"] == "PyTorch"
    node.trigger_deactivate()
    node.trigger_cleanup()
    node.set_parameters([Parameter("runtime", value="openvino"), Parameter("weights", value="nowhere")])
    assert node.trigger_configure() != SUCCESS
    robot.wait_for_status(LIFE_CYCLE, "ERROR", "no exported network at hand for runtime 'openvino'")
