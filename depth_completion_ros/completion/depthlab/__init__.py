"""DepthLab (arXiv 2412.18153): depth completion by two U-Nets of Stable Diffusion 2."""
