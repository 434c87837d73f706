from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epidyn.calibration import prevalence_shift, sigmoid
from epidyn.errors import ConfigError


def test_sigmoid_of_large_logits():
    got = sigmoid(np.array([-1e4, -1.0, 0.0, 1.0, 1e4]))
    assert got.dtype == np.float32
    assert got.tolist() == pytest.approx([0, 1 / (1 + np.e), 0.5, np.e / (1 + np.e), 1])


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99), st.floats(0.05, 0.95))
def test_shift_is_bayes_rule(trained: float, wanted: float, probability: float):
    """A likelihood ratio read off at one prevalence gives the posterior at the other."""
    odds = probability / (1 - probability)
    ratio = odds / (trained / (1 - trained))
    posterior = ratio * wanted / (ratio * wanted + 1 - wanted)
    assert sigmoid(np.array(np.log(odds) + prevalence_shift(trained, wanted))) == pytest.approx(
        posterior, abs=1e-6
    )


@pytest.mark.parametrize("bad", [0.0, 1.0, -0.1, 5.0])
def test_refuses_what_is_no_prevalence(bad: float):
    with pytest.raises(ConfigError, match=r"--prevalence"):
        prevalence_shift(0.5, bad)
