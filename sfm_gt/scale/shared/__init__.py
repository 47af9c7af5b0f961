"""What scale cues share: evidence and estimates, their fusion, and what measures pixels, markers and people."""
