"""What several rooms do with pixels: optical flow and regions of masks."""
