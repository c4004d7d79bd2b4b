"""What tracking leaves on disk: a folder made whole or not at all, the track file, the report."""
