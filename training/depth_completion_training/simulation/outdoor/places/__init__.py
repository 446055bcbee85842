"""Where objects stand: one module a kind of outdoor world."""
