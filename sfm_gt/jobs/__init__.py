"""What one job of the workflow does: several stages in a row; rule = command = module, each has ``run()``."""
