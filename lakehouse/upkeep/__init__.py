"""Table care that knows its readers: small files, clustering, log size, and what may be deleted."""
