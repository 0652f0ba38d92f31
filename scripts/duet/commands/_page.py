"""The page of a campaign, from its results."""

from collections.abc import Iterable
from pathlib import Path

from duet.commands._inputs import analysis_plan, image_records
from duet.model import DuetError
from duet.records.doctor import DoctorRecord
from duet.records.layout import Layout
from duet.report import page, summary
from duet.report.summary import provenance

CAPTIONS = Path(__file__).resolve().parents[3] / "workflow" / "report"


def write(
    results: Path,
    target: Path | None,
    *,
    name: str | None = None,
    config: Iterable[Path] = (),
    tables: Path | None = None,
    frame: Path | None = None,
    decided: page.Decided | None = None,
) -> None:
    """Write the page of results/<name> to `target`, without figures to `tables`, for Snakemake's report to
    `frame`. `config`: files to show; `decided`: a gate's answer. Raises DuetError."""
    layout = Layout(results)
    if not results.is_dir():
        raise DuetError(f"{results} is not there", "name the directory of a campaign: results/<name>")
    outcome = summary.read_outcome(results, name=name)
    analysis = analysis_plan(layout.analysis_plan if layout.analysis_plan.is_file() else None)
    gathered = provenance.read(layout.runs, outcome.planned)
    contents = page.page_of(outcome, gathered, analysis, results, decided)
    short = page.as_html(contents) if tables or frame else ""
    if tables:
        tables.write_text(short, encoding="utf-8")
    if frame:
        frame.write_text(page.in_frame(short), encoding="utf-8")
    if target:
        texts = {str(path): path.read_text(errors="replace") for path in config}
        doctor = DoctorRecord.read_sound(layout.doctor)
        origin = provenance.body(gathered, image_records(layout.images), analysis, texts, doctor)
        figures, whole = page.embed_all(results, [each.stem for each in contents.subjects], CAPTIONS)
        target.write_text(page.as_html(contents, figures, whole, origin), encoding="utf-8")
