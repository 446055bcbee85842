"""The parameters of a completer that has a network: those of its options, and two of the node's own."""

from __future__ import annotations

from dataclasses import fields

from ...completion.learned.options import PriorOptions
from .parameter import Parameter

NETWORK = (
    *(
        Parameter(each.name, "" if each.default is None else each.default, **each.metadata)
        for each in fields(PriorOptions)
    ),
    Parameter(
        "settings",
        "",
        "Settings that this completer alone has, such as steps=4,strength=1 of depthlab; empty for its own.",
    ),
    Parameter(
        "warm_up_size",
        [0, 0],
        "Width and height of the images: a network is run once at this size before the node is active. "
        "0, 0 leaves that to the first frame, which then takes longer.",
        minimum=0,
        maximum=16384,
        unit="pixels",
        lengths=(2,),
    ),
)
