"""whose videos these are: traces of a source in a tree, their removal, releases with and without pictures."""
