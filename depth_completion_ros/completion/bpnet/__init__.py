"""BP-Net (CVPR 2024), the network that DMD3C (CVPR 2025) trains."""
