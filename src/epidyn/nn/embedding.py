"""Base codes to k-mer vectors; tokens exist only inside this layer."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from epidyn.errors import ShapeError
from epidyn.kmers import N_CODE, VOCABULARY, K


def tokenize(codes: Tensor) -> Tensor:
    """Return the 6-mer tokens of base codes: the torch twin of :func:`epidyn.kmers.tokenize`.

    Parameters
    ----------
    codes
        uint8 (batch, L), any device.

    Returns
    -------
    Tensor
        int64 (batch, L): 5 zeros, then L - 5 ids; 0 where a 6-mer touches an N.
    """
    tokens = torch.zeros(codes.shape, dtype=torch.int64, device=codes.device)
    count = codes.shape[-1] - K + 1
    if count < 1:
        return tokens
    ids = torch.ones((*codes.shape[:-1], count), dtype=torch.int64, device=codes.device)
    for offset in range(K):
        ids.add_(codes[..., offset : offset + count], alpha=4 ** (K - 1 - offset))
    highest = codes.unfold(-1, K, 1).amax(dim=-1)
    tokens[..., K - 1 :] = ids.masked_fill_(highest >= N_CODE, 0)
    return tokens


class KmerEmbedding(nn.Module):
    """Look up the vector of each 6-mer.

    Parameters
    ----------
    vectors
        Start of the table, float (4097, vector_size); row = token id. It is copied.
    train
        Whether the table is trained (row 0, padding, with it, as published).
    """

    def __init__(self, vectors: npt.NDArray[np.floating], *, train: bool) -> None:
        super().__init__()
        if vectors.ndim != 2 or vectors.shape[0] != VOCABULARY:
            raise ShapeError(f"k-mer vectors have shape {vectors.shape}; ({VOCABULARY}, vector_size) is needed.")
        self.table = nn.Embedding.from_pretrained(
            torch.tensor(vectors, dtype=torch.float32), freeze=not train, padding_idx=None
        )

    def forward(self, codes: Tensor) -> Tensor:
        """Base codes uint8 (batch, L) to vectors float (batch, vector_size, L)."""
        vectors: Tensor = self.table(tokenize(codes))
        return vectors.transpose(1, 2)
