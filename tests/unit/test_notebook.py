"""The notebook's cells run in order on a finished campaign, whatever types it has; Jupyter is not needed."""

import json
from pathlib import Path
from types import SimpleNamespace

import matplotlib
import pytest
from duet.inference import judge, overlap, run_effects
from duet.model import Analysis
from duet.table import store
from synthetic import campaign

PROJECT = Path(__file__).parents[2]
NOTEBOOK = PROJECT / "workflow/notebooks/explore.py.ipynb"


@pytest.fixture(autouse=True)
def no_window():
    from matplotlib import pyplot

    with matplotlib.rc_context():  # the notebook sets a theme
        pyplot.switch_backend("agg")
        yield
        pyplot.close("all")


def finished(folder, rows):
    """What snakemake hands to the notebook."""
    effects = run_effects(rows, Analysis())
    store.write(rows, folder / "t.parquet")
    overlap.pairs(rows).to_parquet(folder / "p.parquet")
    effects.to_parquet(folder / "e.parquet")
    judge(effects, Analysis()).to_csv(folder / "v.csv", index=False)
    (folder / "a.json").write_text(json.dumps({"confidence": 0.9, "warmup": {}, "min_overlap": 0.5}))
    files = {"table": "t.parquet", "pairs": "p.parquet", "effects": "e.parquet", "verdicts": "v.csv"}
    given = {name: str(folder / file) for name, file in {**files, "analysis": "a.json"}.items()}
    return SimpleNamespace(
        input=SimpleNamespace(**given),
        output=[str(folder / "explore.svg")],
        params=SimpleNamespace(scripts=str(PROJECT / "scripts")),
    )


def run(snakemake):
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    names = {"snakemake": snakemake}
    for number, cell in enumerate(cells):
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), f"cell {number}", "exec"), names)
    return names


@pytest.mark.parametrize(
    "types, runs",
    [(("duet",), 4), (("duet", "aaduet", "seqn", "syncduet"), 3), (("seqn",), 3), (("duet",), 1)],
)
def test_the_cells_run_in_order(tmp_path, types, runs):
    rows = campaign(["small", "NA"], runs, 12, types, {"small": 0.01, "NA": 0.2})
    names = run(finished(tmp_path, rows))
    assert (tmp_path / "explore.svg").stat().st_size > 1000
    assert len(names["worst"]) == 2 * len([t for t in types if t != "aaduet"])
    if runs > 1:
        assert names["benchmark"] == "NA"
        assert list(names["grown"]["n"]) == list(range(2, runs + 1))


def test_it_is_kept_without_outputs():
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code)
    assert len({cell["id"] for cell in cells}) == len(cells)
