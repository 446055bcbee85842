"""The tables of DepthLab (Liu et al., arXiv 2412.18153): partial depth, NYUv2 with points, shares known.

The sets are those of Marigold's evaluation (Ke et al., CVPR 2024), whose numbers of others table 1 repeats.
Not stated are the area of the masks of table 1 and what is known in table 3. Here table 1 feeds 30 %,
with which table 3 agrees for NYUv2, and table 3 can be run with shapes or with points.
"""

from __future__ import annotations

from dataclasses import replace

from ...data.listed import Layout
from .benchmark import Benchmark, Format, Published

PARTIAL = ("rel_percent", "delta1_percent")
MARIGOLD = "https://share.phys.ethz.ch/~pf/bingkedata/marigold/evaluation_dataset"
LISTS = "https://github.com/prs-eth/Marigold"
NYU_REGION = (41, 45, 601, 471)
"""Eigen's crop: rows 45 to 470 and columns 41 to 600."""
KITTI_REGION = (43, 117, 1172, 321)
"""Eigen's mask of 352 x 1216: 0.3324 to 0.9135 of the height and 0.0359 to 0.9641 of the width."""

TABLE_1 = {
    "DiverseDepth": ("12.1/86.8", "18.8/70.2", "23.0/69.9", "11.1/87.6", "37.2/63.8"),
    "MiDaS": ("10.9/88.9", "24.2/62.2", "18.3/75.4", "13.2/87.6", "33.7/70.6"),
    "LeReS": ("9.2/91.5", "14.9/78.5", "17.3/77.7", "9.6/90.4", "27.4/77.0"),
    "Omnidata": ("7.8/94.0", "14.7/83.7", "16.9/77.8", "7.2/94.1", "34.4/73.1"),
    "HDN": ("7.2/94.6", "11.2/87.2", "12.1/94.2", "8.0/94.2", "24.2/78.3"),
    "DPT": ("9.8/90.1", "10.2/89.9", "7.7/94.6", "8.4/93.2", "18.1/75.8"),
    "Depth Anything": ("4.4/97.6", "7.6/94.7", "12.5/88.5", "4.2/98.1", "27.4/76.1"),
    "Depth Anything V2": ("4.4/98.0", "7.5/94.8", "13.1/86.6", "4.1/98.2", "27.3/76.4"),
    "Marigold": ("5.6/96.4", "9.8/91.7", "6.6/95.9", "6.3/95.4", "30.9/77.2"),
    "DepthFM": ("6.5/95.6", "8.4/93.2", "", "", "22.4/79.8"),
    "GeoWizard": ("5.2/96.5", "9.6/92.3", "6.4/96.3", "6.1/95.4", "29.5/79.5"),
    "DepthLab": ("2.5/98.8", "7.2/95.3", "3.1/97.9", "2.3/98.5", "17.6/85.6"),
}
"""AbsRel / δ1 in per cent on NYUv2, KITTI, ETH3D, ScanNet and DIODE."""
TABLE_2 = {
    "DepthLab (zero-shot)": "0.104",
    "DepthLab (fine-tuned)": "0.090",
    "NLSPN": "0.092",
    "DSN": "0.102",
    "Struct-MDC": "0.245",
    "ACMNet": "0.105",
    "CompletionFormer": "0.090",
    "BP-Net": "0.089",
    "LRRU": "0.091",
}
"""RMSE in metres."""
TABLE_3 = {
    "NYUv2": {2: "3.3/98.2", 5: "3.0/98.3", 10: "2.8/98.4", 30: "2.5/98.8", 50: "2.2/98.8"},
    "ETH3D": {2: "3.1/97.4", 5: "2.9/98.0", 10: "2.7/98.3", 30: "2.3/98.5", 50: "2.0/98.6"},
}
"""AbsRel / δ1 in per cent of DepthLab by the per cent known."""

NETWORK = {"paste_back": False}
"""Depth is scored as the network gives it."""


def _table_1(column: int) -> tuple[Published, ...]:
    """DepthLab first; the others see the image alone and are fitted to all of the truth."""
    rows = {method: cells[column] for method, cells in reversed(TABLE_1.items()) if cells[column]}
    return tuple(
        Published(
            method if method == "DepthLab" else f"{method} (RGB only, fitted)",
            tuple(cell.split("/")),
            "arXiv 2412.18153, table 1",
        )
        for method, cell in rows.items()
    )


def _partial(column: int, name: str, images: int, size: str, data, download: str, **more) -> Benchmark:
    """One set of table 1."""
    return Benchmark(
        name=f"depthlab:{name}",
        data=data,
        download=download,
        images=images,
        size=size,
        feeds=("shapes:30",),
        metrics=PARTIAL,
        clip=True,
        only_unknown=True,
        network=NETWORK,
        published=_table_1(column),
        note="The paper does not state the area of its masks.",
        **more,
    )


def _marigold(
    column: int, name: str, images: int, size: str, archive: str, files: Layout, **more
) -> Benchmark:
    """One set that Marigold provides."""
    download = f"unpack {MARIGOLD}/{archive} and add {files.frames} of data_split of {LISTS} to its folder"
    return _partial(column, name, images, size, files, download, **more)


NYU = _marigold(
    0,
    "NYUv2",
    654,
    "640x480",
    "nyuv2/nyu_labeled_extracted.tar",
    Layout(frames="filename_list_test.txt", truth="{1}", units=1000.0),
    within=(1e-3, 10.0),
    region=NYU_REGION,
)
ETH3D = _marigold(
    2,
    "ETH3D",
    454,
    "6048x4032",
    "eth3d/eth3d.tar",
    Layout(frames="eth3d_filename_list.txt", truth="{1}"),
    within=(1e-5, float("inf")),
)

BENCHMARKS = (
    NYU,
    _marigold(
        1,
        "KITTI",
        652,
        "1216x352",
        "kitti/kitti_eigen_split_test.tar",
        Layout(frames="eigen_test_files_with_gt.txt", truth="{1}"),
        within=(1e-5, 80.0),
        bottom=(352, 1216),
        region=KITTI_REGION,
    ),
    ETH3D,
    _marigold(
        3,
        "ScanNet",
        800,
        "640x480",
        "scannet/scannet_val_sampled_800_1.tar",
        Layout(frames="scannet_val_sampled_list_800_1.txt", truth="{1}", units=1000.0),
        within=(1e-3, 10.0),
    ),
    _partial(
        4,
        "DIODE",
        771,
        "1024x768",
        Format("diode"),
        "unpack http://diode-dataset.s3.amazonaws.com/val.tar.gz and give the folder that holds val",
        within=(0.6, 350.0),
    ),
    Benchmark(
        name="depthlab:NYUv2-500",
        data=Format("nyu", {"split": "val"}),
        download="unpack http://datasets.lids.mit.edu/fastdepth/data/nyudepthv2.tar.gz and give its folder "
        "nyudepthv2, with val/official/*.h5",
        images=654,
        size="304x228",
        feeds=("points:500",),
        metrics=("rmse_m",),
        network=NETWORK,
        published=(
            *(Published(m, (rmse,), "arXiv 2412.18153, table 2") for m, rmse in TABLE_2.items()),
            Published("DepthLab (zero-shot, at 768 pixels)", ("0.276",), "arXiv 2412.13389, table 1"),
        ),
    ),
    *(
        replace(
            of_all,
            name=f"{of_all.name}-known{share}",
            feeds=(f"shapes:{share}", f"share:{share}"),
            published=(Published("DepthLab", tuple(cell.split("/")), "arXiv 2412.18153, table 3"),),
            note="The paper does not state whether shapes or points are known.",
        )
        for of_all in (NYU, ETH3D)
        for share, cell in TABLE_3[of_all.name.partition(":")[2]].items()
    ),
)
