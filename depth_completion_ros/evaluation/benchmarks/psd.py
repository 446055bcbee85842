"""The 18 sets of PSD (Chen et al., IEEE TIP 34, 2025, arXiv 2508.04984): two it trains on, 16 it does not.

Facts are those of the authors' loaders and lists. `network` holds what PSD sets for each set alone: how
often its last step propagates (-1: not at all, not even to put measurements back), neighbours, the
share of queries and number of sources of its search in 3D, and its mode. No table of numbers could be read.
"""

from __future__ import annotations

from ...data.listed import Layout
from .benchmark import Benchmark

METRICS = (
    "rmse_mm",
    "mae_mm",
    "rel_percent",
    "irmse_per_km",
    "imae_per_km",
    "delta1_percent",
    "delta2_percent",
    "delta3_percent",
)
RAW, RANDOM = "files:raw", "files:scatter_001"
NYU_K = 518.8579 / 2, 519.46961 / 2, 325.58245 / 2 - 8, 253.73617 / 2 - 6
DIODE_K = 886.81, 927.06, 512.0, 384.0
HYPERSIM_K = 886.81, 886.81, 512.0, 384.0
TOFDC_K = 496.2276, 497.8638, 270.6038, 212.7232
DIML_K = 540.5, 540.5, 352.0, 198.0
DRIVING_STEREO_K = 2063.2, 2062.4, 978.3, 584.7, -0.5
VKITTI_K = 725.0087, 725.0087, 620.5, 187.0
MEI = dict(
    zip(
        ("xi", "k1", "k2", "p1", "p2", "g1", "g2", "u0", "v0"),
        (
            2.2134047507854890,
            1.6798235660113681e-2,
            1.6548773243373522,
            4.2223943394772046e-4,
            4.2462134260997584e-4,
            1336.3220825849971,
            1335.7883350012958,
            716.94323510126321,
            705.76498308221585,
        ),
        strict=True,
    )
)
"""Camera of KITTI-360's fisheye images (C. Mei and P. Rives, ICRA 2007)."""


def _set(name, images, size, feed, listed, folder="", K="file", iterations=0, **more) -> Benchmark:
    """One row; `folder` of a set below rgb, depth, intrinsics and sparse/<pattern>, `listed` its list."""
    folder = folder or name
    columns = more.pop("columns", (0, 1, 2, 3))
    files = {"units": 256.0, **more.pop("files", {})}
    image, sparse, truth, intrinsics = (f"{{{column}}}" for column in columns)
    layout = Layout(
        frames=f"filename/{listed}.txt",
        image=f"rgb/{folder}/{image}",
        sparse=f"sparse/{{pattern}}/{folder}/{sparse}",
        truth=f"depth/{folder}/{truth}",
        K=f"intrinsics/{folder}/{intrinsics}" if K == "file" else K,
        **files,
    )
    needed = f"rgb/{folder}, depth/{folder}, sparse/{feed.partition(':')[2]}/{folder}"
    needed += f" and intrinsics/{folder}" if K == "file" else ""
    network = {"post_iterations": iterations, "neighbours": 1, "rate": 1.0, "sources": None, "mode": "3D-2D"}
    return Benchmark(
        name=f"psd:{name}",
        data=layout,
        download=f"download {needed} from https://huggingface.co/datasets/cslxx/PSD-val and the folder "
        f"'filename' with {listed}.txt from https://github.com/shenglunch/PSD into one folder",
        images=images,
        size=size,
        feeds=(feed,),
        metrics=METRICS,
        network=network | more.pop("network", {}),
        **more,
    )


TO_RATE = {"neighbours": 3, "rate": 0.5}
FIRST_COLUMN = (0, 0, 0, 3)
FAR = (1.0, 250.0)

BENCHMARKS = (
    _set("NYUv2", 654, "304x228", RANDOM, "val_nyu", K=NYU_K, note="PSD trains on its train split."),
    _set(
        "KITTI",
        1000,
        "1216x256",
        RAW,
        "val_kitti",
        files={"K_of_bottom": (256, 1216)},
        note="PSD trains on its train split; K is moved to the bottom 256 rows whether or not files are cut.",
    ),
    _set("VOID1500", 800, "640x480", RAW, "val_void1500", iterations=1, within=(0.2, 5.0)),
    _set(
        "SUNRGBD",
        1010,
        "730x530 and alike",
        RAW,
        "val_sunrgbd_1010",
        iterations=6,
        note="Its list has 661 distinct frames in 1010 lines, and 131 lines of NYUv2.",
    ),
    _set(
        "TOFDC",
        560,
        "512x384",
        RAW,
        "val_tofdc",
        K=TOFDC_K,
        iterations=1,
        columns=FIRST_COLUMN,
        within=(0.0, 6.0),
        network=TO_RATE,
    ),
    _set(
        "DIMLi",
        503,
        "512x288 and alike",
        RAW,
        "val_diml_indoor",
        "DIML/indoor",
        K=DIML_K,
        iterations=6,
        network=TO_RATE,
    ),
    _set(
        "DIODEi", 325, "1024x768", RANDOM, "val_diode_indoor", "DIODE/indoor", K=DIODE_K, columns=FIRST_COLUMN
    ),
    _set("Middlebury", 15, "mixed", RANDOM, "val_middlebury_q"),
    _set("ETH3D", 27, "mixed", RANDOM, "val_eth3d"),
    _set("ScanNet", 1038, "640x480", RANDOM, "val_scannet_1038", "Scannet"),
    _set(
        "DrivingStereo",
        1108,
        "881x320",
        RANDOM,
        "val_drivingstereo_half_1108",
        "Drivingstereo",
        K=DRIVING_STEREO_K,
        iterations=6,
        note="K is that of frames of full size, as PSD has it.",
    ),
    _set(
        "Argoverse",
        1009,
        "2464x1656",
        RANDOM,
        "val_argoverse_1009",
        network={"rate": 0.3, "sources": 8000},
    ),
    _set(
        "Cityscapes",
        500,
        "1024x512",
        RANDOM,
        "val_cityscapes",
        "Cityscape",
        iterations=6,
        files={"offset": 1.0},
        within=FAR,
        network=TO_RATE,
    ),
    _set(
        "DIODEo",
        446,
        "1024x768",
        RANDOM,
        "val_diode_outdoor",
        "DIODE/outdoor",
        K=DIODE_K,
        columns=FIRST_COLUMN,
        within=FAR,
    ),
    _set("Hypersim", 1098, "1024x768", RANDOM, "val_hypersim_1098", K=HYPERSIM_K),
    _set(
        "VKITTI2",
        1061,
        "1242x375",
        RANDOM,
        "val_vkitti2",
        K=VKITTI_K,
        iterations=8,
        within=FAR,
        network={"neighbours": 3, "mode": "3D+2D"},
    ),
    _set(
        "KITTI360",
        500,
        "1400x1400",
        RANDOM,
        "val_kitti360",
        K=None,
        iterations=-1,
        camera="mei",
        network={**TO_RATE, "mei": MEI},
    ),
    _set(
        "Stanford",
        275,
        "1664x1024, resized",
        RANDOM,
        "val_stanford",
        K=None,
        iterations=-1,
        camera="sphere",
        resized=(1024, 1664),
        network=TO_RATE,
        note="As the authors do, truth is enlarged bilinearly, across the edges of unknown pixels too.",
    ),
)
