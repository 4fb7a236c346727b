"""Evidence: a row of the lake with everything that it rests on, down to the raw records, so that it can be retraced."""
