"""What the completers share that are made of Stable Diffusion 2: latents, schedule, sizes, fills, weights."""
