"""What people do with a finished data set; each module is one command of ``sfm-gt``."""
