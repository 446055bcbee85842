"""The table of Marigold-DC (Viola et al., ICCV 2025, arXiv 2412.13389): eight zero-shot columns.

Scored is all truth above 0, without a limit, per image. Where the authors draw points, they shuffle with
one seed for all images, as `shuffled` does; of the LiDAR of KITTI and DDAD they take out what shows through.
"""

from __future__ import annotations

from ...data.listed import Layout
from .benchmark import Benchmark, Format, Published

METRICS = ("mae_m", "rmse_m")
SOURCE = "arXiv 2412.13389, table 1"
RECIPE = "DATASETS.md and script/dataset_processing.py of https://github.com/prs-eth/Marigold-DC"
VOID_DOWNLOAD = (
    "download void_release.zip as https://github.com/alexklwong/void-dataset says; give void_release"
)
FOREGROUND = (7, 1.5)
COLUMNS = ("ScanNet", "iBims-1", "VOID150", "VOID500", "VOID1500", "NYUv2", "KITTI", "DDAD")
TABLE = """
Marigold-DC (10 runs)  .017/.057 .045/.166 .194/.622 .158/.535 .152/.551 .048/.124 .434/1.465 2.364/6.449
Marigold-DC (1 run)    .020/.063 .062/.205 .201/.629 .167/.546 .157/.557 .057/.142 .558/1.676 2.985/7.905
Marigold + L2 fit      .083/.129 .154/.286 .266/.670 .243/.606 .238/.628 .190/.294 1.709/3.305 8.217/14.728
Marigold + L1L2 fit    .091/.141 .167/.300 .279/.687 .261/.625 .261/.652 .194/.309 1.765/3.361 22.872/32.661
DepthLab               .051/.081 .098/.198 .268/.689 .223/.590 .214/.602 .184/.276 .921/2.171 4.498/8.379
Prompt Depth Anything  .042/.079 .088/.196 .248/.681 .202/.589 .191/.605 .110/.233 .934/2.803 2.107/7.494
VPP4DC                 .023/.076 .062/.228 .245/.690 .187/.582 .148/.543 .077/.247 .413/1.609 1.344/6.781
OGNI-DC                .029/.094 .059/.186 .261/.693 .198/.589 .175/.593 - - 1.867/6.876
NLSPN                  .036/.127 .049/.191 .492/.963 .301/.783 .210/.668 .440/.716 1.335/2.076 2.498/9.231
CompletionFormer       .120/.232 .058/.206 .487/.956 .385/.821 .261/.726 .186/.374 .952/1.935 2.518/9.471
BP-Net                 .122/.212 .078/.289 .471/.936 .370/.793 .270/.742 - - 2.270/8.344
"""
"""MAE / RMSE in metres by `COLUMNS`; fits are those of an affine map to the measurements."""


def _set(
    name: str,
    data: Layout | Format,
    download: str,
    images: int,
    size: str,
    feed: str,
    side: int = 0,
    **more,
) -> Benchmark:
    """A column; `side` is that of the networks, 0 for that of the images."""
    rows = []
    for line in TABLE.strip().splitlines():
        method, cells = line.split("  ", 1)
        cell = cells.split()[COLUMNS.index(name)]
        if cell != "-":
            rows.append(Published(method, tuple(f"{float(value):.3f}" for value in cell.split("/")), SOURCE))
    return Benchmark(
        name=f"marigold-dc:{name}",
        data=data,
        download=download,
        images=images,
        size=size,
        feeds=(feed,),
        metrics=METRICS,
        network={"ensemble": 10, "side": side, "paste_back": False},
        published=tuple(rows),
        **more,
    )


def _processed(sparse: bool) -> Layout:
    """What the authors' script writes."""
    return Layout(
        frames="rgb/*.png",
        sparse="sparse/{stem}.npy" if sparse else None,
        truth="gt/{stem}.npy",
        K="intrinsics/{stem}.txt",
    )


BENCHMARKS = (
    _set(
        "ScanNet",
        Layout(frames="rgb/*.png", truth="gt/{stem}.npy"),
        f"process the 745 test frames of DeCoTR's split as {RECIPE} do, into rgb/*.png and gt/*.npy",
        745,
        "640x480",
        "shuffled:500",
    ),
    _set(
        "iBims-1",
        _processed(sparse=False),
        f"process ibims1_core_mat.zip of https://mediatum.ub.tum.de/1455541 as {RECIPE} do, into rgb/*.png, "
        "gt/*.npy and intrinsics/*.txt",
        100,
        "640x480",
        "shuffled:1000",
    ),
    *(
        _set(f"VOID{d}", Format("void", {"density": d}), VOID_DOWNLOAD, 800, "640x480", "files")
        for d in (150, 500, 1500)
    ),
    _set(
        "NYUv2",
        _processed(sparse=True),
        "process nyu_img_gt.h5 and nyu_pred_with_500.h5 of "
        "https://github.com/andreaconti/sparsity-agnostic-depth-completion (release v0.1.0) as "
        f"{RECIPE} do, into rgb/*.png, sparse/*.npy, gt/*.npy and intrinsics/*.txt",
        654,
        "304x228",
        "files",
        side=768,
    ),
    _set(
        "KITTI",
        Format("kitti_depth", {"split": "val_selection_cropped"}),
        "unpack https://s3.eu-central-1.amazonaws.com/avg-kitti/data_depth_selection.zip and give the folder "
        "that holds val_selection_cropped",
        1000,
        "1216x352",
        "files",
        foreground=FOREGROUND,
    ),
    _set(
        "DDAD",
        Layout(
            frames="val/rgb/*.png",
            sparse="val/hints/{stem}.png",
            truth="val/gt/{stem}.png",
            K="val/intrinsics/{stem}.txt",
        ),
        "unpack ddad_pregenerated.zip of VPP4DC, which DATASETS.md of https://github.com/prs-eth/Marigold-DC "
        "links, and give its folder pregenerated, with val/{rgb,hints,gt,intrinsics}",
        3950,
        "1936x1216",
        "files",
        side=768,
        foreground=FOREGROUND,
    ),
)
