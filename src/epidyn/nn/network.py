"""The network: enhancer and promoter base codes to a logit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from epidyn.errors import ShapeError
from epidyn.kmers import initial_vectors
from epidyn.nn.cbam import CBAM
from epidyn.nn.config import NetworkConfig
from epidyn.nn.convolution import Conv, check_conv
from epidyn.nn.dropout import Dropout
from epidyn.nn.embedding import KmerEmbedding, tokenize
from epidyn.nn.fusion import build_fusion
from epidyn.nn.recurrent import BidirectionalGRU
from epidyn.nn.stem import Stem
from epidyn.nn.transformer import TransformerLayer


class EpiDynFusion(nn.Module):
    """EPI-DynFusion (Zhang et al. 2025), as the authors' code computes it.

    k-mer vectors, one convolutional stem an element, the two joined along the positions, batch norm, transformer
    layer, bidirectional GRU, fusion of both streams, CBAM, maximum over positions, dense head.

    Parameters
    ----------
    config
        Sizes and switches; the default is the published network.
    kmer_vectors
        Start of the k-mer tables, float (4097, vector_size). Without them :func:`epidyn.kmers.initial_vectors`,
        seeded from torch's global generator like every other initial weight.
    conv
        How the convolutions are computed: ``direct``, ``fft`` (CPU only) or ``auto``, by kernel and device. It is
        no part of what the network is: see :attr:`conv`.
    """

    def __init__(
        self,
        config: NetworkConfig | None = None,
        kmer_vectors: npt.NDArray[np.floating] | None = None,
        *,
        conv: Conv = "auto",
    ) -> None:
        super().__init__()
        config = config or NetworkConfig()
        self.config = config
        if kmer_vectors is None:
            seed = int(torch.randint(2**31, (1,)))
            kmer_vectors = initial_vectors(config.vector_size, seed=seed)
        elif kmer_vectors.shape[-1] != config.vector_size:
            raise ShapeError(
                f"k-mer vectors have {kmer_vectors.shape[-1]} dimensions; the network's vector_size is "
                f"{config.vector_size}. Set vector_size to {kmer_vectors.shape[-1]}, or give other vectors."
            )
        size = config.channels
        self.enhancer_kmers = KmerEmbedding(kmer_vectors, train=config.train_kmers)
        self.promoter_kmers = None if config.tie_kmers else KmerEmbedding(kmer_vectors, train=config.train_kmers)
        self.enhancer_stem = Stem(config.vector_size, size, config.enhancer_kernel, config.enhancer_pool, conv)
        self.promoter_stem = Stem(config.vector_size, size, config.promoter_kernel, config.promoter_pool, conv)
        self.join_norm = nn.BatchNorm1d(size)
        self.transformer = _transformer(config) if config.transformer else None
        self.gru = BidirectionalGRU(size, size // 2, config.gru_layers) if config.gru else None
        self.fusion = build_fusion(config) if config.fuses else None
        self.cbam = CBAM(size, config.cbam_reduction, config.cbam_kernel) if config.cbam else None
        self.pool_norm = nn.BatchNorm1d(size)
        self.dense = nn.Linear(size, config.dense)
        self.dense_norm = nn.BatchNorm1d(config.dense)
        self.output = nn.Linear(config.dense, 1)
        self.dropout = Dropout(config.dropout)

    @property
    def conv(self) -> Conv:
        """How the convolutions are computed; the results are the same to rounding. It can be set at any time."""
        return self.enhancer_stem.conv

    @conv.setter
    def conv(self, conv: Conv) -> None:
        check_conv(conv)
        self.enhancer_stem.conv = self.promoter_stem.conv = conv

    def forward(self, enhancer_codes: Tensor, promoter_codes: Tensor) -> Tensor:
        """Base codes, uint8 (batch, enhancer_length) and (batch, promoter_length), to logits (batch,)."""
        return self.score(self.encode_enhancer(enhancer_codes), self.encode_promoter(promoter_codes))

    def embed_enhancer(self, codes: Tensor) -> Tensor:
        """Base codes (batch, enhancer_length) to k-mer vectors (batch, vector_size, enhancer_length)."""
        _check_codes(codes, "enhancer", self.config.enhancer_length)
        vectors: Tensor = self.enhancer_kmers(codes)
        return vectors

    def embed_promoter(self, codes: Tensor) -> Tensor:
        """Base codes (batch, promoter_length) to k-mer vectors (batch, vector_size, promoter_length)."""
        _check_codes(codes, "promoter", self.config.promoter_length)
        vectors: Tensor = (self.promoter_kmers or self.enhancer_kmers)(codes)
        return vectors

    def stem_enhancer(self, vectors: Tensor) -> Tensor:
        """k-mer vectors to features (batch, channels, enhancer_positions)."""
        features: Tensor = self.enhancer_stem(vectors)
        return features

    def stem_promoter(self, vectors: Tensor) -> Tensor:
        """k-mer vectors to features (batch, channels, promoter_positions)."""
        features: Tensor = self.promoter_stem(vectors)
        return features

    def encode_enhancer(self, codes: Tensor) -> Tensor:
        """Base codes (batch, enhancer_length) to features (batch, channels, enhancer_positions)."""
        _check_codes(codes, "enhancer", self.config.enhancer_length)
        features: Tensor = self.enhancer_stem.from_tokens(tokenize(codes), self.enhancer_kmers.table.weight)
        return features

    def encode_promoter(self, codes: Tensor) -> Tensor:
        """Base codes (batch, promoter_length) to features (batch, channels, promoter_positions)."""
        _check_codes(codes, "promoter", self.config.promoter_length)
        kmers = self.promoter_kmers or self.enhancer_kmers
        features: Tensor = self.promoter_stem.from_tokens(tokenize(codes), kmers.table.weight)
        return features

    def score(
        self, enhancer_features: Tensor, promoter_features: Tensor, differing: slice | None = None
    ) -> Tensor:
        """Features of both elements to logits (batch,); a batch of one is paired with every row of the other.

        ``differing`` promises that outside these of the joined positions, enhancer before promoter, all rows are
        alike; it changes no result, and saves time.
        """
        return self._joint_stages(enhancer_features, promoter_features, differing)["logit"]

    def stages(self, enhancer_codes: Tensor, promoter_codes: Tensor) -> dict[str, Tensor]:
        """Return the named tensors between the layers.

        ``enhancer_stem`` and ``promoter_stem`` are channel-first; ``after_batchnorm``, ``transformer``, ``gru``,
        ``fused`` and ``cbam`` are (batch, positions, channels); ``logit`` and ``probability`` (batch,). A stage
        that the configuration leaves out is absent.
        """
        enhancer = self.encode_enhancer(enhancer_codes)
        promoter = self.encode_promoter(promoter_codes)
        stages = {
            "enhancer_stem": enhancer,
            "promoter_stem": promoter,
            **self._joint_stages(enhancer, promoter),
        }
        return {**stages, "probability": torch.sigmoid(stages["logit"])}

    def _joint_stages(
        self, enhancer: Tensor, promoter: Tensor, differing: slice | None = None
    ) -> dict[str, Tensor]:
        """Everything after the stems."""
        batch = max(len(enhancer), len(promoter))
        joined = torch.cat([enhancer.expand(batch, -1, -1), promoter.expand(batch, -1, -1)], dim=2)
        normed = self.join_norm(joined)
        stages = {"after_batchnorm": normed.transpose(1, 2)}
        x = self._context(self.dropout(normed).transpose(1, 2), stages, differing)
        if self.cbam is not None:
            x = stages["cbam"] = self.cbam(x.transpose(1, 2)).transpose(1, 2)
        pooled = self.pool_norm(x.amax(dim=1))
        dense = self.dropout(self.dense_norm(F.relu(self.dense(pooled))))
        stages["logit"] = self.output(dense).squeeze(1)
        return stages

    def _context(self, features: Tensor, stages: dict[str, Tensor], differing: slice | None) -> Tensor:
        """Transformer, GRU and fusion, as far as configured; (batch, positions, channels) in and out."""
        x = features
        if self.transformer is not None:
            x = stages["transformer"] = self.transformer(features, differing)
        if self.gru is None:
            return x
        gru: Tensor = self.gru(features if self.config.gru_input == "stem" else x)
        stages["gru"] = gru
        if self.fusion is None:
            return gru
        stages["fused"] = self.fusion(x, gru)
        return stages["fused"]


def _transformer(config: NetworkConfig) -> TransformerLayer:
    return TransformerLayer(
        config.channels,
        config.heads,
        config.feedforward,
        dropout=config.transformer_dropout,
        attention_dropout=config.attention_dropout,
        positional_encoding=config.positional_encoding,
    )


def _check_codes(codes: Tensor, side: str, length: int) -> None:
    if codes.dtype != torch.uint8 or codes.ndim != 2 or codes.shape[1] != length:
        raise ShapeError(
            f"{side} codes: uint8 (batch, {length}) is needed, got {codes.dtype} {tuple(codes.shape)}."
        )
