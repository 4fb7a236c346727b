"""Lake to model to lake: features, training, scoring."""
