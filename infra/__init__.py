"""What the platform stands on: broker, jars, compose files."""
