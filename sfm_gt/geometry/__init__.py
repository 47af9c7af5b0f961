"""pure geometry on numpy arrays. Imports no torch, no pycolmap, no logging and no paths."""
