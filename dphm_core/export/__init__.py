"""A track for other programs: meshes, codes and poses, in their axes and units."""
