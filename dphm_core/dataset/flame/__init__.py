"""FLAME (Li et al. 2017) fitted to a sequence: with the user's own model file, which is never run as code."""
