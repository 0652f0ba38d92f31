"""A command that writes no times: the line that has duet-loop time it, as it can be copied."""

import pytest
import yaml
from duet.measure.advice import to_be_timed
from duet.model import ImageRef, Side


def side(run: str, image: str | None = None) -> Side:
    return Side("A", ImageRef(image) if image else None, run, None, ("results.csv",))


@pytest.mark.parametrize(
    ("run", "line"),
    [
        ("sort words", "./duet-loop --seconds 10 -- sort words"),
        ("./bench | tail", "./duet-loop --seconds 10 -- sh -c './bench | tail'"),
        ("echo 'a: b'", "./duet-loop --seconds 10 -- echo 'a: b'"),
    ],
)
def test_the_line_is_yaml_with_the_command(run: str, line: str):
    text = to_be_timed(side(run), "native", "process", "results.csv")
    start, _, yaml_text = text.partition("image: probes and ")
    assert start == "the command has to write it, or duet-loop repeats and times it: "
    assert yaml.safe_load(yaml_text) == {"run": line} and "\n" not in text


def test_images_get_it_in_their_dockerfile():
    text = to_be_timed(side("sort words", "mine"), "native", "docker", "results.csv")
    assert "COPY --from=probes /probes/duet-loop ./ in the Dockerfile of mine, and run: ./duet-loop" in text


@pytest.mark.parametrize(
    ("run", "harness", "result"),
    [
        ("./duet-loop --seconds 1 -- sort words", "native", "results.csv"),
        ("java -jar renaissance.jar", "renaissance", "results.csv"),
        ("sort words", "native", "details/"),
    ],
)
def test_elsewhere_it_would_mislead(run: str, harness: str, result: str):
    assert to_be_timed(side(run), harness, "process", result) == ""
