"""Parameters of the nodes: each declared once with type, range and description."""
