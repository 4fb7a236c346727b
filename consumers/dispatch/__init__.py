"""Alert dispatch: ``maritime.alerts`` to a webhook or a log, each alert once, by the group of the platform."""
