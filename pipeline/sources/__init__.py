"""Where documents come from: what a PATH means, which format a file has, and how it is read."""
