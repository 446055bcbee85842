"""Calibration files: cameras, where the LiDAR is, and those of KITTI."""
