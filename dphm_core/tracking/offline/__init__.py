"""The paper's method: three stages of Adam over a whole recording (DPHM, arXiv 2312.01068, section 4)."""
