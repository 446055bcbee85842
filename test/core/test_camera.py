"""Camera models against OpenCV."""

import cv2
import numpy as np
import pytest

from depth_completion_ros import Camera

K = np.array([[721.5, 0, 609.6], [0, 718.1, 172.9], [0, 0, 1]])
CAMERAS = {
    "rectified": ("plumb_bob", ()),
    "plumb_bob 4": ("plumb_bob", (-0.36, 0.18, 1e-3, -2e-3)),
    "plumb_bob 5": ("plumb_bob", (-0.1029, -0.0409, 5.8e-4, -4.2e-3, 0.43)),
    "rational 8": ("rational_polynomial", (0.6, -0.3, 1e-3, -5e-4, 0.02, 0.9, -0.2, 0.01)),
    "rational 12": (
        "rational_polynomial",
        (0.6, -0.3, 1e-3, -5e-4, 0.02, 0.9, -0.2, 0.01, 1e-3, -1e-3, 2e-3, 1e-4),
    ),
    "rational 14": (
        "rational_polynomial",
        (0.1, -0.1, 1e-3, -5e-4, 0.02, 0.1, -0.1, 0.01, 1e-3, -1e-3, 2e-3, 1e-4, 0.01, -0.02),
    ),
    "equidistant": ("equidistant", (-0.054, -0.0784, 0.096, -0.0515)),
    "equidistant without coefficients": ("equidistant", ()),
}


def camera_named(name: str) -> Camera:
    model, D = CAMERAS[name]
    return Camera(1242, 375, K, model, D)


def opencv_project(camera: Camera, points: np.ndarray) -> np.ndarray:
    zero = np.zeros(3)
    if camera.distortion_model == "equidistant":
        D = camera.D if camera.D.size else np.zeros(4)
        return cv2.fisheye.projectPoints(points[:, None], zero, zero, camera.K, D)[0][:, 0]
    return cv2.projectPoints(points, zero, zero, camera.K, camera.D)[0][:, 0]


def random_points(number: int = 2000) -> np.ndarray:
    rng = np.random.default_rng(1)
    z = rng.uniform(1, 80, number)
    return np.stack([z * rng.uniform(-0.6, 0.6, number), z * rng.uniform(-0.3, 0.3, number), z], axis=1)


@pytest.mark.parametrize("name", CAMERAS)
def test_projection_equals_opencv_to_a_millionth_of_a_pixel(name):
    camera, points = camera_named(name), random_points()
    pixels, seen = camera.project(points)
    assert seen.mean() > 0.95
    assert np.abs(pixels - opencv_project(camera, points))[seen].max() < 1e-6


@pytest.mark.parametrize("name", CAMERAS)
def test_single_precision_is_good_to_a_hundredth_of_a_pixel(name):
    camera, points = camera_named(name), random_points()
    pixels, seen = camera.project(points.astype(np.float32))
    assert pixels.dtype == np.float32
    assert np.abs(pixels - opencv_project(camera, points))[seen].max() < 1e-2


@pytest.mark.parametrize("name", CAMERAS)
def test_unproject_inverts_project(name):
    camera, points = camera_named(name), random_points()
    pixels, seen = camera.project(points)
    rays = camera.unproject(pixels[seen])
    expected = points[seen] / points[seen, 2:]
    assert np.abs(rays - expected).max() < 1e-6


@pytest.mark.parametrize("name", ["rectified", "plumb_bob 5", "rational 8"])
def test_unproject_equals_opencv_in_pixels(name):
    camera = camera_named(name)
    u, v = np.meshgrid(np.linspace(0, 1241, 40), np.linspace(0, 374, 20))
    pixels = np.stack([u.ravel(), v.ravel()], axis=1)
    rays = camera.unproject(pixels)
    known = np.isfinite(rays[:, 0])
    assert known.mean() > 0.9
    assert np.abs(opencv_project(camera, rays[known]) - pixels[known]).max() < 1e-6


def test_points_behind_the_camera_have_no_image():
    _, seen = camera_named("rectified").project(np.array([[0, 0, -1.0], [0, 0, 0], [0, 0, 1]]))
    assert seen.tolist() == [False, False, True]


def test_points_outside_the_field_of_view_do_not_fold_back_into_a_distorted_image():
    camera = Camera(1242, 375, K, "plumb_bob", (-0.36, 0.18, 0, 0, -0.05))
    wide = np.array([[1.7, 0, 1]])
    folded = opencv_project(camera, wide)[0]
    assert 0 < folded[0] < 1242 and 0 < folded[1] < 375, "the polynomial alone gives it an image"
    pixels, seen = camera.project(wide)
    assert not seen.any() and np.isnan(pixels).all()


def test_points_that_are_not_finite_have_no_image():
    points = np.array([[np.nan, 0, 1], [0, np.inf, 1], [0, 0, np.nan], [1, 1, 0], [0, 0, 1.0]])
    pixels, seen = camera_named("plumb_bob 5").project(points)
    assert seen.tolist() == [False] * 4 + [True]
    assert np.isnan(pixels[:4]).all()
    pixels, seen = Camera(10, 10, K).project(points)
    assert seen.tolist() == [False] * 4 + [True] and np.isnan(pixels[:4]).all()


def test_rays_of_all_pixels_are_those_of_unproject():
    camera = Camera(31, 17, [[20, 0, 15], [0, 21, 8], [0, 0, 1]], "plumb_bob", (-0.1, 0.01, 0, 0))
    x, y = camera.rays
    assert x.shape == y.shape == (17, 31)
    assert np.allclose([x[5, 7], y[5, 7], 1], camera.unproject([[7, 5]])[0], atol=1e-6)


def test_a_resized_and_a_cropped_camera_see_the_same_point_where_the_image_moved_to():
    camera, point = camera_named("plumb_bob 5"), np.array([[2.0, 0.5, 10.0]])
    (u, v), _ = camera.project(point)[0][0], None
    half = camera.resized(621, 375 // 2 + 1).project(point)[0][0]
    assert half == pytest.approx([(u + 0.5) * 0.5 - 0.5, (v + 0.5) * 188 / 375 - 0.5])
    assert camera.cropped(100, 50, 300, 200).project(point)[0][0] == pytest.approx([u - 100, v - 50])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"width": 0}, "must be positive"),
        ({"height": float("inf")}, "must be positive whole numbers"),
        ({"height": 9.5}, "must be positive whole numbers"),
        ({"K": np.zeros((3, 3))}, "not calibrated"),
        ({"K": np.eye(2)}, "3 x 3"),
        ({"distortion_model": "thin_prism"}, "must be one of plumb_bob"),
        ({"D": (0.1, 0.2, 0.3)}, "plumb_bob takes 0 or 4 or 5"),
        ({"D": (np.nan, 0, 0, 0)}, "not finite"),
    ],
)
def test_an_impossible_camera_is_refused_with_a_sentence(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        Camera(**({"width": 10, "height": 10, "K": K} | change))


@pytest.mark.parametrize(
    ("model", "D", "name", "kept"),
    [
        ("plumb_bob", [0.0] * 8, "plumb_bob", 0),
        ("plumb_bob", [0.0] * 14, "plumb_bob", 0),
        ("plumb_bob", [-0.03, 0.035, -1e-4, -1e-4, -0.012, 0, 0, 0], "plumb_bob", 5),
        ("Plumb_Bob", [0.0] * 5, "plumb_bob", 0),
        ("plumb bob", [0.1, 0.2, 0, 0], "plumb_bob", 4),
        ("rational_polynomial", [-0.03, 0.035, -1e-4, -1e-4, -0.012], "rational_polynomial", 5),
        ("radtan", [-0.03, 0.035, -1e-4, -1e-4], "plumb_bob", 4),
        ("pinhole-radtan", [-0.03, 0.035, -1e-4, -1e-4], "plumb_bob", 4),
        ("brown_conrady", [-0.03, 0.035, -1e-4, -1e-4, 0], "plumb_bob", 5),
        ("pinhole", [], "plumb_bob", 0),
        ("Inverse Brown Conrady", [0.0] * 5, "plumb_bob", 0),
        ("kannala_brandt4", [0.01, 0, 0, 0], "equidistant", 4),
        ("equi", [0.01, 0.02, 0, 0], "equidistant", 4),
        ("equidistant", [0.01, 0, 0, 0, 0], "equidistant", 4),
        ("", [0.0] * 5, "plumb_bob", 0),
        ("none", [], "plumb_bob", 0),
    ],
)
def test_names_and_numbers_of_coefficients_as_drivers_and_tools_write_them(model, D, name, kept):
    camera = Camera(640, 480, K, model, D)
    assert (camera.distortion_model, camera.D.size) == (name, kept)
    assert np.array_equal(camera.D, D[:kept])


def test_rational_polynomial_of_five_coefficients_is_plumb_bob():
    D = [-0.1, 0.035, -1e-3, 2e-3, -0.012]
    points = random_points()
    as_rational = Camera(640, 480, K, "rational_polynomial", D).project(points)[0]
    np.testing.assert_array_equal(as_rational, Camera(640, 480, K, "plumb_bob", D).project(points)[0])


@pytest.mark.parametrize(
    ("model", "D", "sentence"),
    [
        (
            "plumb_bob",
            [0.1] * 8,
            "has 8 coefficients; plumb_bob takes .* with more it is rational_polynomial",
        ),
        ("plumb_bob", [0.1, 0.01], "has 2 coefficients; plumb_bob takes 0 or 4 or 5"),
        ("pinhole", [0.1, 0, 0, 0], "'pinhole', which is not known, unless all its coefficients are zero"),
        ("inverse_brown_conrady", [0.1] * 5, "not known, unless all its coefficients are zero"),
        ("equidistant", [0.1] * 5, "equidistant takes 0 or 4"),
        ("mei", [0.1] * 5, "'mei', which is not known; it must be one of plumb_bob, rational_polynomial"),
    ],
)
def test_a_model_that_is_not_known_for_sure_is_refused(model, D, sentence):
    with pytest.raises(ValueError, match=sentence):
        Camera(640, 480, K, model, D)
