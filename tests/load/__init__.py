"""What the load on `streamchat serve` is made of: a model's server, a bare relay, and clients."""
