"""Camera models and depth-image kernels: distortion, unprojection, registration, filtering, normals."""
