"""The authors' parameter names, and what they are called here."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from epidyn.errors import ModelFileError
from epidyn.nn.config import NetworkConfig
from epidyn.nn.network import EpiDynFusion

# Name here, name there: modules and single parameters of the published network
# (github.com/zhangao-clude/EPI-DynFusion, src/test/model_torch.py and CBAM.py), then our optional fusions.
_LAYER = "encoder.layers.0"
_NAMES = {
    "enhancer_kmers.table": "embedding_en",
    "promoter_kmers.table": "embedding_pr",
    "enhancer_stem.convolution": "enhancer_conv_layer.0",
    "promoter_stem.convolution": "promoter_conv_layer.0",
    "join_norm": "bn2",
    "transformer.attention_in.weight": f"{_LAYER}.self_attn.in_proj_weight",
    "transformer.attention_in.bias": f"{_LAYER}.self_attn.in_proj_bias",
    "transformer.attention_out": f"{_LAYER}.self_attn.out_proj",
    "transformer.attention_norm": f"{_LAYER}.norm1",
    "transformer.feedforward_in": f"{_LAYER}.linear1",
    "transformer.feedforward_out": f"{_LAYER}.linear2",
    "transformer.feedforward_norm": f"{_LAYER}.norm2",
    "gru": "gru",
    "fusion.transformer_gate": "weight_transformer",
    "fusion.gru_gate": "weight_gru",
    "cbam.channel": "cbam_layer.mlp",
    "cbam.spatial": "cbam_layer.conv",
    "pool_norm": "bn1",
    "dense": "merger_dense",
    "dense_norm": "bn",
    "output": "output_layer",
    "fusion.linear": "fusion_linear",
    "fusion.query": "fusion_query",
    "fusion.gate": "fusion_gate",
}


def published_name(name: str) -> str:
    """Return what the authors call our parameter or buffer ``name``.

    Raises
    ------
    KeyError
        If the network has no such parameter.
    """
    for ours, theirs in _NAMES.items():
        if name == ours or name.startswith(f"{ours}."):
            return theirs + name[len(ours) :]
    raise KeyError(name)


def from_published(state: Mapping[str, Tensor]) -> EpiDynFusion:
    """Build the published network from the authors' state_dict; float64 tables become float32.

    Raises
    ------
    ModelFileError
        If a name is missing or unknown, or a shape is another; all of them are listed.
    """
    network = EpiDynFusion(NetworkConfig())
    wanted = network.state_dict()
    theirs = {name: published_name(name) for name in wanted}
    if not any(name in state for name in theirs.values()):
        raise ModelFileError(
            f"none of the {len(theirs)} parameters of the published EPI-DynFusion network is there, as its "
            "model_torch.py names them. A model file of ours needs no import."
        )
    faults = [f"missing: {name}" for name in theirs.values() if name not in state]
    faults += [f"unknown: {name}" for name in state if name not in theirs.values()]
    for ours, name in theirs.items():
        if name in state and not isinstance(state[name], Tensor):
            faults.append(f"{name}: a tensor is needed, found {type(state[name]).__name__}")
        elif name in state and state[name].shape != wanted[ours].shape:
            faults.append(f"{name}: shape {tuple(state[name].shape)}, {tuple(wanted[ours].shape)} is needed")
    if faults:
        raise ModelFileError(
            "these are not the weights of the published EPI-DynFusion network "
            "(a state_dict with the names and shapes of its model_torch.py is needed):",
            faults,
        )
    network.load_state_dict({ours: state[name] for ours, name in theirs.items()})
    return network
