"""The street of the demo drive: meshes, textures, and the rays that are cast at them."""
