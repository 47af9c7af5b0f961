"""What mask methods share: their interface, views rendered from other frames, outlines of people."""
