"""What AWS charges: units, a dated price book, and the bill that comes of both."""
