"""When and how much noise is taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from diffusers import DDIMScheduler

SCHEDULE: dict[str, Any] = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "v_prediction",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
    "timestep_spacing": "leading",
    "rescale_betas_zero_snr": False,
}
"""Scheduler of Marigold depth v1-0, which DepthLab was trained from; v1-1 has another."""
FEW = 10
"""Steps up to which `spacing_for` starts from pure noise."""


def make_scheduler(spacing: str, config: dict | None = None) -> DDIMScheduler:
    """DDIM of v-prediction.

    Args:
        spacing: `leading` is official and starts the earlier the more steps there are, with 50 at t = 981;
            `trailing` starts at t = 999, as few steps need it (Garcia and others, arXiv 2409.11355).
        config: of a folder, in place of `SCHEDULE`.

    Raises:
        ValueError: another spacing.
    """
    if spacing not in ("leading", "trailing"):
        raise ValueError(f"Spacing is '{spacing}'; it must be leading or trailing.")
    from diffusers.schedulers import DDIMScheduler

    return DDIMScheduler.from_config(dict(config or SCHEDULE), timestep_spacing=spacing)


def spacing_for(steps: int) -> str:
    """`trailing` for few steps, as `leading` would begin them late; else `leading`, as is official."""
    return "trailing" if steps <= FEW else "leading"


def check_steps(steps: int, strength: float = 1.0) -> None:
    """Raise a ValueError for a number of steps outside 1 to 999, or a strength outside (0, 1]."""
    if not 1 <= steps < SCHEDULE["num_train_timesteps"]:
        raise ValueError(f"The number of steps is {steps}; it must be from 1 to 999.")
    if not 0 < strength <= 1:
        raise ValueError(f"Strength is {strength}; it must be above 0 and at most 1.")


def timesteps_of(scheduler: DDIMScheduler, steps: int, strength: float = 1.0) -> torch.Tensor:
    """The last `int(steps * strength)` of so many timesteps, at least one; sets the scheduler to `steps`."""
    scheduler.set_timesteps(steps)
    return scheduler.timesteps[-max(1, int(steps * strength)) :]
