"""Heads that nobody has: drawn from a model's latent priors, interpolated, decoded from its codebook."""
