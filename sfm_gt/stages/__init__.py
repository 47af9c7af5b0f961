"""The stages of the workflow: rule = command = module; each has ``STAGE``, ``VERSION`` and ``run()``."""
