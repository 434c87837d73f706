"""Sizes and switches of the network."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

LARGEST_SIZE = 1_000_000  # so that no tensor has more numbers than torch can count
Size = Annotated[int, Field(ge=1, le=LARGEST_SIZE)]
Rate = Annotated[float, Field(ge=0, lt=1)]


class NetworkConfig(BaseModel):
    """What one network is. The defaults are the published network; unknown keys are refused.

    The ablations of the article are settings: without ``transformer`` the joined features go on as they are;
    without ``gru``, or without ``transformer``, there is nothing to fuse and ``fusion`` has no effect; with both
    and fusion ``none`` the GRU's output goes on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    enhancer_length: Size = Field(3000, description="enhancer window, bases")
    promoter_length: Size = Field(2000, description="promoter window, bases")
    vector_size: Size = Field(100, description="length of a k-mer vector")
    channels: Size = Field(100, description="convolution filters; width of everything after them")
    enhancer_kernel: Size = Field(80, description="enhancer convolution, positions")
    enhancer_pool: Size = Field(15, description="enhancer max-pool, positions")
    promoter_kernel: Size = Field(61, description="promoter convolution, positions")
    promoter_pool: Size = Field(10, description="promoter max-pool, positions")
    heads: Size = Field(10, description="attention heads; must divide channels")
    feedforward: Size = Field(256, description="hidden width of the transformer's feed-forward part")
    gru_layers: Size = Field(2, description="bidirectional GRU layers, channels / 2 units a direction")
    cbam_reduction: Size = Field(16, description="channels are squeezed to channels // this")
    cbam_kernel: Size = Field(9, description="width of the spatial attention; odd")
    dense: Size = Field(100, description="units of the dense layer before the output")

    transformer: bool = True
    gru: bool = True
    cbam: bool = True
    fusion: Literal["dynamic", "fixed", "concatenation", "attention", "gated", "none"] = Field(
        "dynamic", description="how transformer and GRU streams join; gated depends on the content"
    )
    positional_encoding: bool = Field(False, description="add sinusoidal positions to the transformer's input")
    gru_input: Literal["transformer", "stem"] = Field(
        "transformer", description="what the GRU reads: the transformer's output, or the joined features"
    )
    tie_kmers: bool = Field(False, description="one k-mer table for enhancer and promoter instead of two")
    train_kmers: bool = Field(True, description="train the k-mer vectors, or keep them as they start")
    gate_init: Literal["normal", "balanced"] = Field(
        "normal", description="start of the two dynamic gates: N(0, 1) as published, or both 0"
    )
    dropout: Rate = Field(0.5, description="after the joining batch norm and before the output")
    transformer_dropout: Rate = Field(0.1, description="after attention, inside and after the feed-forward part")
    attention_dropout: Rate = Field(0.1, description="on the attention weights")

    @property
    def enhancer_positions(self) -> int:
        """Positions of the enhancer after its stem."""
        return (self.enhancer_length - self.enhancer_kernel + 1) // self.enhancer_pool

    @property
    def promoter_positions(self) -> int:
        """Positions of the promoter after its stem."""
        return (self.promoter_length - self.promoter_kernel + 1) // self.promoter_pool

    @property
    def fuses(self) -> bool:
        """Whether there are two streams to fuse."""
        return self.transformer and self.gru and self.fusion != "none"

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for side in ("enhancer", "promoter"):
            if getattr(self, f"{side}_positions") < 1:
                length, kernel, pool = (getattr(self, f"{side}_{name}") for name in ("length", "kernel", "pool"))
                raise ValueError(
                    f"{side}_length ({length}) is too short for {side}_kernel ({kernel}) and {side}_pool "
                    f"({pool}): it must be at least {kernel + pool - 1}"
                )
        if self.transformer and self.channels % self.heads:
            raise ValueError(f"channels ({self.channels}) must be a multiple of heads ({self.heads})")
        if self.gru and self.channels % 2:
            raise ValueError(f"channels ({self.channels}) must be even, half for each direction of the GRU")
        if self.cbam and self.cbam_reduction > self.channels:
            raise ValueError(f"cbam_reduction ({self.cbam_reduction}) must not exceed channels ({self.channels})")
        if self.cbam and self.cbam_kernel % 2 == 0:
            raise ValueError(f"cbam_kernel ({self.cbam_kernel}) must be odd")
        return self
