"""PSD (Chen et al., IEEE TIP 2025): depth propagated in space and image, then corrected in three stages."""
