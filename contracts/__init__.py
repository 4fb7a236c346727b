"""What things are: fields, tables, events, topics, settings, errors, regulation. No I/O, no verbs."""
