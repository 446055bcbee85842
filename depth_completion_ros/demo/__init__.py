"""The demo: a street drive made on the spot, and what plays data through the live nodes."""
