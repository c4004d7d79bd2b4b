"""Synthetic heads and recordings from ICT-FaceKit, and the trainers."""
