"""Marigold-DC (arXiv 2412.13389): a monocular diffusion of depth that measured depth guides as it runs."""
