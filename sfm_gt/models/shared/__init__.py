"""What depth models share: predictions, descriptions of networks, runtimes, stored maps."""
