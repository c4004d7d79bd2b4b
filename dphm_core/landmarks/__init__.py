"""Face landmarks in colour images, lifted to 3-D through the depth."""
