"""The tracking benchmark: what runs, what is measured, and the tables and pictures of it."""
