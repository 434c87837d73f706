"""The convolutional stem of one element."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class Stem(nn.Module):
    """Convolution without padding, ReLU, max-pool with stride equal to its width (a rest is dropped)."""

    def __init__(self, vector_size: int, channels: int, kernel: int, pool: int) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(vector_size, channels, kernel)
        self.pool = pool

    def forward(self, vectors: Tensor) -> Tensor:
        """Vectors (batch, vector_size, L) to features (batch, channels, (L - kernel + 1) // pool)."""
        # ReLU and maximum commute; pooling first leaves a fraction of the values for ReLU.
        return F.relu(F.max_pool1d(self.convolution(vectors), self.pool))
