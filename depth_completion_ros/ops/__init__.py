"""The few hot kernels: a plain PyTorch reference each, and fast forms for CPU and GPU."""
