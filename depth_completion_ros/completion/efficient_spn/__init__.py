"""EfficientSPN: an EfficientNet image encoder, a trunk for the measurements, spatial propagation."""
