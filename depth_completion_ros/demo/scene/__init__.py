"""The street of the demo drive: its meshes, their materials, and the casting of rays on them."""
