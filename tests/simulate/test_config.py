from __future__ import annotations

import pytest

from epidyn.errors import ConfigError
from epidyn.simulate import RULES, SimulationConfig, configure


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"chromosomes": 0}, ["chromosomes is 0", "greater than or equal to 1"]),
        ({"positive_fraction": 1.0}, ["positive_fraction is 1.0", "less than 1"]),
        ({"presence": float("nan")}, ["presence is nan", "finite"]),
        ({"instances": "many"}, ["instances is 'many'", "integer"]),
        ({"classes": 7}, ["classes is 7", "less than or equal to 6"]),
        ({"cell_line": "a b"}, ["cell_line is 'a b'", "letters"]),
        ({"cell_line": "a,"}, ["cell_line is 'a,'", "NAME:WEIGHT,NAME:WEIGHT"]),
        ({"cell_line": "a:2,b,a"}, ["cell_line is 'a:2,b,a'", "each line once"]),
        ({"cell_line": "a:0,b"}, ["cell_line is 'a:0,b'", "1 or more"]),
        ({"shared": 0.5}, ["shared is 0.5", "several cell lines"]),
        ({"chromosmes": 3}, ["'chromosmes'", "the settings are chromosomes, pairs_per_chromosome"]),
        ({"presence": 0}, ["presence, pairing and propensity are all 0"]),
        ({"pairs_per_chromosome": 3, "pairs_per_promoter": 4}, ["pairs_per_promoter is 4", "(3)"]),
        ({"propensity": 1}, ["pairs_per_promoter is 1", "2 or more"]),
        ({"enhancer_length": 180}, ["enhancer_length is 180", "at least 196"]),
        ({"promoter_length": 150}, ["promoter_length is 150", "at least 188"]),
    ],
)
def test_a_bad_setting_is_named_in_one_line(settings, words):
    with pytest.raises(ConfigError) as caught:
        configure(settings)
    message = str(caught.value)
    assert "\n" not in message
    assert "pydantic" not in message
    assert all(word in message for word in words), message


def test_several_bad_settings_are_all_listed():
    with pytest.raises(ConfigError) as caught:
        configure({"chromosomes": 0, "seed": -1})
    assert "2 settings" in caught.value.headline
    assert [row.split()[0] for row in caught.value.rows] == ["chromosomes", "seed"]


def test_the_shortest_window_that_the_message_allows_is_allowed():
    assert configure({"enhancer_length": 196, "promoter_length": 188}).element_lengths("enhancer") == (98, 98)


def test_elements_are_a_quarter_to_half_of_their_own_window():
    config = configure({"enhancer_length": 3000, "promoter_length": 2000})
    assert config.element_lengths("enhancer") == (750, 1500)
    assert config.element_lengths("promoter") == (500, 1000)


def test_every_setting_is_described():
    assert all(field.description for field in SimulationConfig.model_fields.values())


def test_weights_are_shares_in_the_order_of_the_rules():
    config = configure({"presence": 1, "pairing": 2, "propensity": 5, "pairs_per_promoter": 2})
    assert dict(zip(RULES, config.rule_weights, strict=True)) == {
        "presence": 0.125,
        "pairing": 0.25,
        "propensity": 0.625,
    }
