"""Videos before reconstruction: probing, decoding, shots, the picture and what is burned into it, choice of keyframes."""
