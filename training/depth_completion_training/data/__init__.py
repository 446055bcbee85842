"""Frames to train with: readers, sparse depth drawn from them, augmentation, Lightning data modules."""
