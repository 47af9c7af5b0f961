"""What methods of dense depth share: the pass over a clip, view selection, estimates, cleaning."""
