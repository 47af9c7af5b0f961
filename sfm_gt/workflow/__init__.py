"""What the Snakefile knows of a run, and what all stages share: versions, the frame round a clip's stage, progress, memory."""
