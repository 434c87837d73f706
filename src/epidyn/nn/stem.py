"""The convolutional stem of one element."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from epidyn.nn.convolution import Conv, check_conv, fft_convolution, fft_token_convolution, prefers_fft


class Stem(nn.Module):
    """Convolution without padding, ReLU, max-pool with stride equal to its width (a rest is dropped).

    ``conv`` says how the convolution is computed, not what: ``direct``, ``fft`` (on the CPU, exact to rounding),
    or ``auto``: by kernel and device (:func:`prefers_fft`). The parameters are those of an ordinary ``Conv1d``.
    """

    def __init__(self, vector_size: int, channels: int, kernel: int, pool: int, conv: Conv = "auto") -> None:
        super().__init__()
        check_conv(conv)
        self.convolution = nn.Conv1d(vector_size, channels, kernel)
        self.pool = pool
        self.conv = conv

    def forward(self, vectors: Tensor) -> Tensor:
        """Vectors (batch, vector_size, L) to features (batch, channels, (L - kernel + 1) // pool)."""
        weight = self.convolution.weight
        if self._uses_fft():
            return self._activate(fft_convolution(vectors.to(weight.dtype), weight, self.pool))
        # Bias and ReLU commute with the maximum; pooling first leaves a fraction of the values for them.
        return self._activate(F.max_pool1d(F.conv1d(vectors, weight), self.pool))

    def from_tokens(self, tokens: Tensor, table: Tensor) -> Tensor:
        """Return :meth:`forward` of the vectors ``table[tokens]``, int64 (batch, L), without laying them out."""
        if self._uses_fft():
            return self._activate(fft_token_convolution(tokens, table, self.convolution.weight, self.pool))
        return self.forward(F.embedding(tokens, table).transpose(1, 2))

    def _activate(self, pooled: Tensor) -> Tensor:
        assert self.convolution.bias is not None
        return F.relu(pooled + self.convolution.bias[:, None], inplace=True)

    def _uses_fft(self) -> bool:
        weight = self.convolution.weight
        if self.conv == "auto":
            return prefers_fft(weight.shape[-1], weight.device, weight.dtype)
        return self.conv == "fft"
