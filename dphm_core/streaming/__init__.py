"""Tracked frames as they come, for other programs: OSC, VMC, JSON over UDP, and WebSocket; off unless asked for."""
