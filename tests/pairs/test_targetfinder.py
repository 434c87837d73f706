from __future__ import annotations

import pytest

from epidyn.errors import PairTableError
from epidyn.pairs import REQUIRED, read_pairs
from tests.conftest import needs_data
from tests.pairs.tables import write_rows

E1, E2 = "HUVEC|chr1:100-200", "HUVEC|chr1:5000-5600"
P1 = "HUVEC|chr1:9000-9100"
NAMES_HEADER = ["enhancer_name", "promoter_name", "label"]
# Order and extra columns as in TargetFinder's pairs.csv.
FULL_HEADER = [
    "bin", "enhancer_chrom", "enhancer_distance_to_promoter", "enhancer_end", "enhancer_name",
    "enhancer_start", "label", "promoter_chrom", "promoter_end", "promoter_name", "promoter_start",
    "window_start",
]  # fmt: skip


def full_row(enhancer: str = E1, **changes: object) -> list[object]:
    start, end = enhancer.split(":")[1].split("-")
    cells: dict[str, object] = {
        "bin": "(8.05e+03, 9e+03]", "enhancer_chrom": "chr1", "enhancer_distance_to_promoter": "8800.0",
        "enhancer_end": end, "enhancer_name": enhancer, "enhancer_start": start, "label": 0,
        "promoter_chrom": "chr1", "promoter_end": 9100, "promoter_name": P1, "promoter_start": "9e3",
        "window_start": "007",
    }  # fmt: skip
    return ['"' + str((cells | changes)[name]) + '"' for name in FULL_HEADER]


def test_names_give_coordinates_and_cell_line(tmp_path):
    path = write_rows(tmp_path / "names.csv", [[*NAMES_HEADER, "fold"], [E1, P1, 1, "03"], [E2, P1, 0, "1"]])
    table = read_pairs(path)
    assert list(table) == [*REQUIRED, "label", "cell_line", "enhancer_name", "promoter_name", "fold"]
    assert table.iloc[:, :6].to_numpy().tolist() == [
        ["chr1", 100, 200, "chr1", 9000, 9100],
        ["chr1", 5000, 5600, "chr1", 9000, 9100],
    ]
    assert table["label"].tolist() == [1, 0]
    assert table["cell_line"].tolist() == ["HUVEC"] * 2
    assert table["enhancer_name"].tolist() == [E1, E2]
    assert table["fold"].tolist() == ["03", "1"]
    assert table.attrs == {"source": str(path), "format": "TargetFinder names"}


def test_names_without_label_separated_by_tabs(tmp_path):
    table = read_pairs(write_rows(tmp_path / "names", [NAMES_HEADER[:2], [E1, P1]], "\t"))
    assert "label" not in table
    assert table["enhancer_end"].tolist() == [200]


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (["chr1:100-200", P1, 1], 'enhancer_name is "chr1:100-200"; a name such as GM12878|chr1:1000-2000'),
        ([E1, "", 1], "promoter_name is empty; a name such as"),
        ([E1, "HUVEC|chr1:-5-200", 1], 'promoter_name is "HUVEC|chr1:-5-200"'),
        ([E1, "HUVEC|chr2:5-200", 1], 'enhancer_chrom is "chr1", promoter_chrom is "chr2"'),
        (["HUVEC|chr1:200-200", P1, 1], "enhancer_start is 200, enhancer_end is 200; start below end"),
        ([E1, "NHEK|chr1:9000-9100", 1], 'enhancer_name is "HUVEC", that of promoter_name "NHEK"'),
        ([E1, P1, 2], 'label is "2"; 0 or 1 is needed'),
    ],
)
def test_a_bad_row_of_names_draws_one_complaint(tmp_path, row, complaint):
    path = write_rows(tmp_path / "names.csv", [NAMES_HEADER, [E2, P1, 0], row, [E2, P1, 1]])
    with pytest.raises(PairTableError) as caught:
        read_pairs(path)
    (shown,) = caught.value.rows
    assert shown.startswith("line 3: ")
    assert complaint in shown


def test_a_row_with_two_bad_names_and_a_bad_label_draws_three_complaints(tmp_path):
    path = write_rows(tmp_path / "names.csv", [NAMES_HEADER, ["x", "y", "z"]])
    with pytest.raises(PairTableError, match="1 row cannot") as caught:
        read_pairs(path)
    assert [row.split(" is ")[0] for row in caught.value.rows] == [
        "line 2: enhancer_name",
        "line 2: promoter_name",
        "line 2: label",
    ]


def test_a_cell_line_column_beside_names_must_agree_with_them(tmp_path):
    header = [*NAMES_HEADER, "cell_line"]
    hela = [name.replace("HUVEC", "HeLa") for name in (E1, P1)]
    good = write_rows(tmp_path / "good.csv", [header, [E1, P1, 1, " HUVEC"], [*hela, 1, "HeLa-S3"]])
    assert read_pairs(good)["cell_line"].tolist() == ["HUVEC", "HeLa-S3"]
    bad = write_rows(tmp_path / "bad.csv", [header, [E1, P1, 1, "NHEK"]])
    with pytest.raises(PairTableError, match='line 2: cell_line is "NHEK", that of the names is "HUVEC"'):
        read_pairs(bad)


def test_the_full_table_keeps_its_features_as_text(tmp_path):
    path = write_rows(tmp_path / "pairs.csv", [FULL_HEADER, full_row(), full_row(E2, label=1)])
    table = read_pairs(path)
    assert table.attrs["format"] == "TargetFinder"
    assert list(table) == [
        *REQUIRED, "label", "cell_line", "enhancer_name", "promoter_name",
        "bin", "enhancer_distance_to_promoter", "window_start",
    ]  # fmt: skip
    assert table["enhancer_start"].tolist() == [100, 5000]
    assert table["promoter_start"].tolist() == [9000, 9000]
    assert table["cell_line"].tolist() == ["HUVEC"] * 2
    assert table.loc[0, ["bin", "window_start"]].tolist() == ["(8.05e+03, 9e+03]", "007"]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"enhancer_start": 101}, f'enhancer_name is "{E1}", its columns say chr1:101-200; they must agree'),
        ({"promoter_end": 9101}, f'promoter_name is "{P1}", its columns say chr1:9000-9101; they must agree'),
        ({"enhancer_start": "abc"}, 'enhancer_start is "abc"; a whole number from 0 is needed'),
        ({"enhancer_name": "abc"}, 'enhancer_name is "abc"; a name such as'),
        ({"promoter_chrom": ""}, "promoter_chrom is empty"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_a_bad_row_of_the_full_table_draws_one_complaint(tmp_path, changes, complaint, first):
    rows = [full_row(**changes), full_row(E2)]
    path = write_rows(tmp_path / "pairs.csv", [FULL_HEADER, *(rows if first else reversed(rows))])
    with pytest.raises(PairTableError) as caught:
        read_pairs(path)
    (shown,) = caught.value.rows
    assert shown.startswith(f"line {2 if first else 3}: ")
    assert complaint in shown


@needs_data
@pytest.mark.parametrize(
    ("line", "pairs", "positives"),
    [
        ("GM12878", 44_313, 2_113),
        ("HUVEC", 31_924, 1_524),
        ("HeLa-S3", 36_540, 1_740),
        ("IMR90", 26_254, 1_254),
        ("K562", 41_477, 1_977),
        ("NHEK", 26_891, 1_291),
    ],
)
def test_sizes_of_the_real_tables(data, line, pairs, positives):
    table = read_pairs(data / "targetfinder" / f"{line}.csv.gz")
    assert (len(table), int(table["label"].sum())) == (pairs, positives)
    assert table["cell_line"].unique().tolist() == [line]
    assert table.attrs["format"] == "TargetFinder names"


@needs_data
def test_the_real_pairs_of_one_megabase(data):
    table = read_pairs(data / "hg19" / "chr20_1-2Mb.pairs.csv")
    assert (len(table), int(table["label"].sum())) == (135, 8)
    assert table.loc[0, list(REQUIRED)].tolist() == ["chr20", 1212808, 1213658, "chr20", 1305621, 1307133]
