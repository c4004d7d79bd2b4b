"""Latent diffusion: a network over latent codes, its noise schedule, samplers, and the prior that fitting uses."""
