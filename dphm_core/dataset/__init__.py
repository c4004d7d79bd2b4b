"""DPHM-Kinect: preprocessing sequences into the data set's own files, and tracking whole folders of sequences."""
