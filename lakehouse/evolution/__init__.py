"""How contracts change: what would change in tables and events, which state is in force, who may go on."""
