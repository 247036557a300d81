"""Figures of matplotlib and plotly, and images of Pillow, as those libraries really write them."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image
from plotly import graph_objects

from ropeway.tracking.errors import SettingInvalid

# What a release of another library finds old is not ours to fail by.
pytestmark = pytest.mark.filterwarnings("ignore")

mpl.use("Agg")
STARTS = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml", "jpg": b"\xff\xd8"}


def test_figures_and_axes_of_matplotlib_are_written_in_every_form(run, kept) -> None:
    figure, axes = plt.subplots()
    axes.plot([1, 2, 3])
    for form in STARTS:
        run.figure(f"figure.{form}", figure)
    run.figure("axes", axes)
    with pytest.raises(SettingInvalid, match="was not recorded"):
        run.figure("figure.json", figure)
    plt.close(figure)
    files = kept(run).files
    assert all(files[f"figure.{form}"].startswith(start) for form, start in STARTS.items())
    assert files["axes.png"].startswith(STARTS["png"])


def test_figures_of_plotly_are_written_as_json_and_html_and_a_picture_says_what_it_needs(run, kept) -> None:
    figure = graph_objects.Figure(graph_objects.Scatter(y=[1, 2]))
    run.figure("scatter", figure)
    run.figure("scatter.html", figure)
    with pytest.raises(SettingInvalid, match=r"\.json or \.html"):
        run.figure("scatter.png", figure)
    files = kept(run).files
    assert b'"scatter"' in files["scatter.json"]
    assert b"<html>" in files["scatter.html"]


def test_images_of_pillow_are_written_in_the_form_of_their_name(run, kept) -> None:
    image = Image.fromarray(np.zeros((5, 4, 3), dtype=np.uint8))
    for form in ("png", "jpg", "gif", "webp"):
        run.image(f"black.{form}", image)
    with pytest.raises(SettingInvalid, match="an image that jpeg can hold"):
        run.image("clear.jpg", image.convert("RGBA"))
    files = kept(run).files
    assert sorted(files) == ["black.gif", "black.jpg", "black.png", "black.webp"]
    assert files["black.jpg"].startswith(STARTS["jpg"])
