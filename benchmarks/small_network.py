"""A network that learns simulated pairs of small windows in seconds, for benchmarks of what helps learning."""

WINDOWS = {"enhancer_length": 320, "promoter_length": 300}
NETWORK = {
    **WINDOWS,
    "channels": 24,
    "enhancer_kernel": 12,
    "enhancer_pool": 12,
    "promoter_kernel": 12,
    "promoter_pool": 12,
    "heads": 2,
    "feedforward": 32,
    "dense": 24,
    "dropout": 0.2,
}
