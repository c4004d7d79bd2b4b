"""The frame's fit as one program of fixed shapes on a torch device; the plain counterpart is `FrameSolver`."""
