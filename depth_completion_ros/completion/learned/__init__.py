"""What all networks share as completers: device, precision, size, and what happens when memory runs out."""
