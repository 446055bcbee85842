"""What completed depth is worth to others: real SLAM and mapping systems run on it, and scored."""
