"""Who may speak with the embedded broker: certificates, users, their rights, and the words for a refusal."""
