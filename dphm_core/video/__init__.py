"""Videos of a track: its mesh over the recording's picture, or turning by itself."""
