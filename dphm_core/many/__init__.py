"""Many recordings: found, tracked in turn or side by side, on this machine or several, and told in a table."""
