"""What a reader of the page sees, and what the page may never do."""

import http.server
import re
import shutil
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from REACTKDLib.imaging.errors import Finding
from REACTKDLib.imaging.geometry import Geometry
from REACTKDLib.inference.drawing import Picture
from REACTKDLib.inference.graph_picture import graph_picture
from REACTKDLib.inference.prediction import DeletionCheck, Edge, Node, PetUptake, Prediction
from REACTKDLib.inference.report import write_report

CLASSES = ("well differentiated", "moderately differentiated", "poorly differentiated")
GEOMETRY = Geometry((24, 20, 16), (10.0, 10.0, 12.0), (-120.0, -100.0, -96.0))
LIVER, LARGE, SMALL = (-0.21, 0.34, -0.13), (-1.68, 0.30, 2.89), (0.05, -0.05, 0.04)
BACKGROUND, BIAS = (-0.47, 0.81, -0.46), (0.10, 0.25, -0.20)
PICTURES = [Picture("axial", "Axial CT through Lesion 1.", b"\x89PNG\r\n\x1a\n axial")]

PROVENANCE = {
    "package": "reactkd 0.1.0",
    "created": "2026-01-02T03:04:05+00:00",
    "model": {
        "name": "student",
        "network": "student",
        "sha256": "ab" * 32,
        "trained_on": "HCC-TACE-Seg, 72 patients",
        "trained_on_phantoms": False,
        "intended_use": "Comparison of methods.",
    },
    "inputs": {
        "ct": {
            "sha256": "cd" * 32,
            "path": "/data/DOE^JOHN/ct.nii.gz",
            "PatientName": "DOE^JOHN",
            **GEOMETRY.to_dict(),
        }
    },
    "preprocessing": {"profile": "liver", "grid": [32, 96, 96], "margin_mm": 20.0},
    "device": "cpu",
    "precision": "fp32",
    "seed": None,
    "seconds": {"read": 1.25, "network": 0.06},
}


def a_node(number: int, attention, volume_ml: float, **changes) -> Node:
    values = {
        "id": f"lesion_{number}" if number else "liver",
        "name": f"Lesion {number}" if number else "Liver",
        "label": number + 1,
        "volume_ml": volume_ml,
        "centroid_lps_mm": (-60.0 + 7 * (number % 5), 10.0 + 3 * number, 5.0 * (number % 7)),
        "attention": attention,
        "mean_hu": 104.6,
    }
    return Node(**{**values, **changes})


def a_prediction(nodes=None, **changes) -> Prediction:
    if nodes is None:
        nodes = (a_node(0, LIVER, 1453.27), a_node(1, LARGE, 637.51), a_node(2, SMALL, 3.34))
    labels = np.zeros(GEOMETRY.shape, np.uint8)
    labels[3:13, 3:17, 2:14] = 1
    for node in nodes:
        if node.id != "liver":
            labels[4 + node.label % 8, 4 + node.label % 11, 3 + node.label % 9] = node.label
    logits = np.sum([*(node.attention for node in nodes), BACKGROUND, BIAS], axis=0)
    values = {
        "case": "case 7",
        "classes": CLASSES,
        "grade": 2,
        "probabilities": (0.031, 0.442, 0.527),
        "logits": tuple(logits.tolist()),
        "temperature": 1.3,
        "entropy": 0.74,
        "abstain": False,
        "nodes": tuple(nodes),
        "edges": tuple(Edge(a.id, b.id, 0.5) for i, a in enumerate(nodes) for b in nodes[i + 1 :]),
        "background_attention": BACKGROUND,
        "bias": BIAS,
        "findings": (Finding("warning", "liver_cut_off", "The liver is cut off at the top of the CT."),),
        "provenance": PROVENANCE,
        "regions": GEOMETRY.image(labels),
        "attention": GEOMETRY.image(np.zeros((*GEOMETRY.shape, 3), np.float32), is_vector=True),
        "deletion": DeletionCheck("lesion_1", (0.25, 0.5, 0.25), -0.277),
    }
    return Prediction(**{**values, **changes})


def with_model(**changes) -> Prediction:
    return a_prediction(provenance={**PROVENANCE, "model": {**PROVENANCE["model"], **changes}})


class Page(HTMLParser):
    """Tags with attributes, visible text, and table rows as lists of cell texts."""

    def __init__(self, source: str):
        super().__init__()
        self.source = source
        self.tags: list[tuple[str, dict]] = []
        self.rows: list[list[str]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(source)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, "tags are nested"

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script", "title"):
            self.words.append(data)
            if "td" in self.open or "th" in self.open:
                self.rows[-1][-1] += " ".join(data.split())

    def row(self, name: str, cells: int = 1 + len(CLASSES)) -> list[str]:
        """The first row with that heading and as many cells; by default, of the table of attention."""
        return next(row for row in self.rows if row[0] == name and len(row) == cells)

    def numbers(self, name: str) -> list[float]:
        return [float(cell.replace("−", "-")) for cell in self.row(name)[1:]]


@pytest.fixture
def page_of(tmp_path):
    def write(prediction: Prediction, pictures=PICTURES) -> Page:
        write_report(prediction, pictures, tmp_path / "report.html")
        return Page((tmp_path / "report.html").read_text(encoding="utf-8"))

    return write


def test_the_page_asks_for_nothing_from_outside(page_of):
    page = page_of(a_prediction())
    links = [a[key] for _, a in page.tags for key in ("src", "href", "srcset", "action", "data") if key in a]
    assert len(links) == len(PICTURES) + 1
    assert all(link.startswith(("data:", "#")) for link in links)
    assert not {"script", "link", "iframe", "object", "embed", "base", "form"} & {tag for tag, _ in page.tags}
    assert not re.search(r"url\(|@import", page.source)
    policy = next(a["content"] for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def test_the_page_can_be_read_by_a_screen_reader(page_of):
    page = page_of(a_prediction())
    assert ("html", {"lang": "en"}) in page.tags
    assert all(a.get("alt") for tag, a in page.tags if tag == "img")
    assert all(a.get("scope") in ("row", "col") for tag, a in page.tags if tag == "th")
    assert [tag for tag, _ in page.tags].count("h1") == 1


HOSTILE = ['<script>alert("x")</script>', '"><img src=x onerror=alert(1)>', "{{ 7 * 7 }} & </title> 'q'"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_stay_text(page_of, text):
    prediction = a_prediction(case=text, findings=(Finding("info", "odd", text),))
    prediction = replace(prediction, nodes=tuple(replace(n, name=f"{text} {n.label}") for n in prediction.nodes))
    page = page_of(prediction, [Picture("axial", text, b"png")])
    assert page.text.count(text) >= 3
    assert "script" not in {tag for tag, _ in page.tags}
    assert not any(name.startswith("on") for _, a in page.tags for name in a)


@settings(
    max_examples=4,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.tuples(*[st.floats(-5, 5)] * 3), min_size=1, max_size=6))
def test_the_parts_add_up_to_the_sum_and_the_sum_is_the_logit(page_of, attentions):
    nodes = [a_node(number, attention, 10.0) for number, attention in enumerate(attentions)]
    prediction = a_prediction(nodes, deletion=None)
    page = page_of(prediction)
    assert page.numbers("Sum") == pytest.approx(prediction.logits, abs=6e-4)
    assert page.numbers("Logit") == pytest.approx(prediction.logits, abs=6e-4)
    parts = [page.numbers(name) for name in [*(n.name for n in nodes), "Background", "Bias of the model"]]
    assert np.sum(parts, axis=0) == pytest.approx(page.numbers("Sum"), abs=6e-4 * len(parts))


def test_a_sum_that_differs_from_the_logit_can_be_seen(page_of):
    page = page_of(a_prediction(logits=(1.0, 2.0, 3.0)))
    assert page.row("Logit")[1:] == ["+1.000", "+2.000", "+3.000"]
    assert page.numbers("Sum") == pytest.approx(np.sum([LIVER, LARGE, SMALL, BACKGROUND, BIAS], axis=0), abs=6e-4)


def test_only_a_phantom_model_has_the_banner(page_of):
    warning = "Demo model trained on synthetic phantoms: the grade has no clinical meaning"
    assert warning in page_of(with_model(trained_on_phantoms=True)).text
    assert warning not in page_of(with_model(trained_on_phantoms=False)).text
    assert warning not in page_of(a_prediction(provenance={})).text


def test_the_banner_is_not_repeated_as_a_finding(page_of):
    finding = Finding("warning", "phantom_model", "Trained on phantoms, once more.")
    demo = replace(with_model(trained_on_phantoms=True), findings=(finding,))
    assert finding.message not in page_of(demo).text
    assert finding.message in page_of(replace(a_prediction(), findings=(finding,))).text


@pytest.mark.parametrize("intended_use", [None, "Comparison of methods.", "For RESEARCH USE ONLY, on adults."])
def test_research_use_only_is_said_once(page_of, intended_use):
    text = page_of(with_model(intended_use=intended_use)).source.lower()
    assert text.count("research use only") == 1


def test_findings_show_their_severity(page_of):
    page = page_of(
        a_prediction(findings=(Finding("warning", "a", "First thing."), Finding("info", "b", "Second thing.")))
    )
    assert "Warning First thing." in page.text
    assert "Note Second thing." in page.text
    assert "Findings" not in page_of(a_prediction(findings=())).text


def test_an_abstaining_model_gives_no_grade(page_of):
    assert "The model abstains" not in page_of(a_prediction()).text
    page = page_of(a_prediction(abstain=True))
    assert "The model abstains" in page.text
    assert "Predicted tumour grade" not in page.text


def test_pet_has_columns_only_where_there_is_pet(page_of):
    assert "FDG" not in page_of(a_prediction()).text
    pet = {"fdg": PetUptake(4.61, 7.72, 1.93)}
    nodes = (a_node(0, LIVER, 1453.27), a_node(1, LARGE, 637.51, pet=pet))
    page = page_of(a_prediction(nodes))
    heads = next(row for row in page.rows if "Volume, mL" in row)
    assert heads[3:] == ["18F-FDG mean", "18F-FDG max", "18F-FDG to liver"]
    assert page.row("Lesion 1", 6)[3:] == ["4.61", "7.72", "1.93"]
    assert page.row("Liver", 6)[3:] == ["–", "–", "–"]


def test_missing_values_are_a_dash_and_never_nan(page_of):
    odd = a_node(1, LARGE, 3.0, mean_hu=float("nan"), pet={"act": PetUptake(float("nan"), float("inf"), None)})
    prediction = a_prediction((a_node(0, LIVER, 1453.27), odd), provenance={}, temperature=float("nan"), deletion=None)
    page = page_of(prediction)
    assert not re.search(r"\b(nan|inf|none)\b", page.text, re.IGNORECASE)
    assert page.row("Lesion 1", 6)[2:] == ["–"] * 4


def test_the_reason_is_what_was_computed(page_of):
    text = page_of(a_prediction()).text
    # Lesion 1 lies at (-53, 13, 5), the liver at (-60, 10, 0): 3 mm posterior is not worth a word.
    place = "637.5 mL, 7 mm left, 5 mm superior of the liver's centroid"
    assert f"Of the lesions, Lesion 1 ({place}) speaks most for this grade" in text
    assert "adds +2.89 to the grade's logit of +2.14" in text
    change = "goes from 52.7 % to 25.0 % (−27.7 percentage points), in the direction of its attention"
    assert f"{change}, which alone would change it by" in text


@pytest.mark.parametrize("other", [-0.1, 0.1])
def test_the_reason_is_the_lesion_that_matters_most_also_when_it_speaks_against_the_grade(page_of, other):
    nodes = (a_node(0, LIVER, 1453.27), a_node(1, (0.0, 0.0, other), 20.0), a_node(2, (0.0, 0.0, -0.5), 3.0))
    text = page_of(a_prediction(nodes, deletion=None)).text
    assert re.search(r"Lesion 2 \([^)]*\) speaks most against this grade: it adds −0\.50 to the grade's logit", text)
    assert "The deletion check was not run." in text


def test_the_only_lesion_does_not_speak_most(page_of):
    nodes = (a_node(0, LIVER, 1453.27), a_node(1, (0.0, 0.0, -0.5), 20.0))
    text = page_of(a_prediction(nodes, deletion=None)).text
    assert re.search(r"Lesion 1 \([^)]*\) speaks against this grade: it adds −0\.50 to the grade's logit", text)


def test_the_reason_adds_up_to_the_logit(page_of):
    text = page_of(a_prediction()).text
    # Of class 2: liver -0.13 and Lesion 2 0.04, background -0.46 and bias -0.20; with +2.89 they are +2.14.
    assert "; the liver outside the lesions −0.13, the other lesions +0.04, background and bias −0.66." in text


@pytest.mark.parametrize(("liver", "says"), [(0.4, False), (-0.6, True)])
def test_a_grade_that_rests_on_the_liver_more_than_on_any_lesion_says_so(page_of, liver, says):
    nodes = (a_node(0, (0.0, 0.0, liver), 1453.27), a_node(1, (0.0, 0.0, 0.5), 20.0), a_node(2, TINY, 3.0))
    text = page_of(a_prediction(nodes, deletion=None)).text
    assert ("The grade rests more on the liver than on any lesion." in text) == says


def test_without_a_lesion_there_is_no_tumour_to_grade(page_of):
    text = page_of(a_prediction((a_node(0, LIVER, 1453.27),), abstain=True, deletion=None)).text
    assert "No grade; most probable" in text
    assert text.count("No lesion was given: there is no tumour to grade.") == 2


TINY = (0.001, -0.002, 0.003)


def test_the_reason_says_so_when_lesions_hardly_matter(page_of):
    lesions = (a_node(1, TINY, 637.51), a_node(2, (0.0, 0.0, -0.004), 3.34))
    # Larger in size, though it speaks against: Lesion 2.
    text = page_of(a_prediction((a_node(0, LIVER, 1453.27), *lesions))).text
    assert "No lesion matters much for this grade. Lesion 2 (3.34 mL" in text
    assert "changes the grade's logit of −0.79 by less than 0.01" in text
    alone = page_of(a_prediction((a_node(0, LIVER, 1453.27), lesions[0]))).text
    assert "Lesion 1 (637.5 mL" in alone
    assert "hardly matters for this grade" in alone
    assert "most" not in alone.split("hardly matters")[0].split("Predicted tumour grade")[1]


def test_a_deletion_that_changes_nothing_neither_agrees_nor_disagrees(page_of):
    unchanged = DeletionCheck("lesion_1", (0.031, 0.442, 0.527), -0.0001)
    text = page_of(a_prediction(deletion=unchanged)).text
    assert "stays at 52.7 %: this lesion hardly matters for it, although its attention is +2.89." in text
    assert "percentage points" not in text
    assert "in the direction" not in text
    nodes = (a_node(0, LIVER, 1453.27), a_node(1, TINY, 20.0))
    assert "as its attention is 0.00." in page_of(a_prediction(nodes, deletion=unchanged)).text


def test_zero_has_no_sign(page_of):
    nodes = (a_node(0, LIVER, 1453.27), a_node(1, (-0.0004, 0.0004, 0.0), 20.0))
    page = page_of(a_prediction(nodes, deletion=None))
    assert page.row("Lesion 1")[1:] == ["0.000"] * 3


@pytest.mark.parametrize(("volume", "shown"), [(0.438, "0.44"), (37.95, "37.95"), (637.51, "637.5"), (1453.27, "1453")])
def test_a_volume_has_no_more_digits_than_it_deserves(page_of, volume, shown):
    page = page_of(a_prediction((a_node(0, LIVER, volume),), deletion=None))
    assert page.row("Liver", 3)[1] == shown


def test_what_the_attention_alone_makes_of_a_deletion_is_said_beside_what_the_deletion_made(page_of):
    """A lesion that adds 0.5 to a logit of 1: at a temperature of 0.5, odds of e² fall to those of e."""
    liver, lesion = a_node(0, LIVER, 1453.27), a_node(1, (0.0, 0.0, 0.5), 20.0)
    before, after = (odds / (odds + 2) for odds in (np.exp(2), np.exp(1)))
    of = {"logits": (0.0, 0.0, 1.0), "temperature": 0.5, "probabilities": (*[(1 - before) / 2] * 2, before)}
    check = DeletionCheck("lesion_1", (0.4, 0.4, 0.2), 0.2 - before)
    prediction = a_prediction((liver, lesion), deletion=check, **of)
    assert f"which alone would change it by −{100 * (before - after):.1f}." in page_of(prediction).text


def test_a_deletion_check_that_disagrees_with_attention_is_called_so(page_of):
    prediction = a_prediction(deletion=DeletionCheck("lesion_1", (0.1, 0.3, 0.6), 0.073))
    assert "against its attention" in page_of(prediction).text


@pytest.mark.parametrize("lesions", [0, 1, 32])
def test_any_number_of_lesions_is_listed(page_of, lesions):
    nodes = [a_node(0, LIVER, 1453.27), *(a_node(k, (0.01, -0.02, 0.03 * k), 2.0) for k in range(1, lesions + 1))]
    page = page_of(a_prediction(nodes, deletion=None))
    listed = {row[0] for row in page.rows if re.fullmatch(r"Lesion \d+", row[0]) and len(row) == 4}
    if not lesions:
        assert "No lesion was given" in page.text
        assert "There is no lesion to delete." in page.text
    assert listed == {f"Lesion {k}" for k in range(1, lesions + 1)}
    pairs = (lesions + 1) * lesions // 2
    assert len([row for row in page.rows if len(row) == 3 and row[2] == "0.50"]) == pairs
    assert ("details" in {tag for tag, _ in page.tags}) == (pairs > 10)


def test_no_patient_and_no_path_is_on_the_page(page_of):
    page = page_of(a_prediction())
    assert "DOE" not in page.source
    assert "/data/" not in page.source
    assert "cd" * 32 in page.text, "the file is known by its hash"
    assert "10, 10, 12" in page.text


def test_the_graph_is_on_the_page_without_being_asked_for(page_of):
    prediction = a_prediction()
    assert graph_picture(prediction).caption in page_of(prediction, []).text


def test_the_same_result_gives_the_same_bytes(tmp_path):
    for name in ("one.html", "two.html"):
        write_report(a_prediction(), PICTURES, tmp_path / name)
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(not CHROMIUM, reason="needs Chromium or Chrome to render the page")


def browse(tmp_path, *arguments: str) -> str:
    fixed = ("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}")
    done = subprocess.run([CHROMIUM, *fixed, *arguments], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


@contextmanager
def a_server():
    """Yields its address and the paths that were asked of it."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_):
            """Quiet: the paths are in `asked`."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


@needs_chromium
def test_a_browser_shows_the_page_and_obeys_its_policy(page_of, tmp_path):
    source = page_of(a_prediction()).source
    with a_server() as (address, asked):
        intruder = f'<img src="{address}/image"><script src="{address}/script"></script></main>'
        guarded, open_page = tmp_path / "guarded.html", tmp_path / "open.html"
        guarded.write_text(source.replace("</main>", intruder), encoding="utf-8")
        open_page.write_text(re.sub(r"<meta http-equiv[^>]*>", "", guarded.read_text("utf-8")), encoding="utf-8")
        shown = browse(tmp_path, "--dump-dom", guarded.as_uri())
        assert asked == []
        browse(tmp_path, "--dump-dom", open_page.as_uri())
        assert set(asked) == {"/image", "/script"}, "without the policy the browser would ask"
    assert "case 7" in shown
    assert "+2.890" in shown


@needs_chromium
@pytest.mark.parametrize("count", [3, 4, 5])
def test_pictures_fill_their_rows(page_of, tmp_path, count):
    graph = graph_picture(a_prediction())
    source = page_of(a_prediction(), [replace(graph, name=str(k)) for k in range(count)]).source
    measure = """<script>onload = () => {
        const boxes = [...document.querySelectorAll(".pictures figure")].map(f => f.getBoundingClientRect())
        document.title = boxes.map(b => [b.top, b.width].map(Math.round).join(" ")).join(",") }</script>"""
    path = tmp_path / "measured.html"
    path.write_text(re.sub(r"<meta http-equiv[^>]*>", measure, source), encoding="utf-8")
    title = re.search("<title>(.*)</title>", browse(tmp_path, "--window-size=1100,800", "--dump-dom", path.as_uri()))
    boxes = [tuple(map(int, box.split())) for box in title[1].split(",")]
    rows = [sum(width for top, width in boxes if top == row) for row in sorted({top for top, _ in boxes})]
    assert len(boxes) == count
    assert max(rows) - min(rows) <= 20, "but for the gap between two"


@needs_chromium
def test_it_prints_on_a4(page_of, tmp_path):
    page_of(a_prediction())
    printed = tmp_path / "report.pdf"
    browse(tmp_path, "--no-pdf-header-footer", f"--print-to-pdf={printed}", (tmp_path / "report.html").as_uri())
    boxes = re.findall(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)\s*\]", printed.read_bytes())
    assert 1 <= len(boxes) <= 5
    points_per_mm = 72 / 25.4
    for width, height in boxes:
        assert (float(width), float(height)) == pytest.approx((210 * points_per_mm, 297 * points_per_mm), abs=1.5)


def test_how_good_the_model_was_with_these_inputs_is_said(page_of):
    measured = {"macro_auc": 0.94, "macro_auc_interval": [0.912, 0.964], "accuracy": 0.81, "data": "160 cases"}
    text = page_of(with_model(read=["ct", "fdg"], measured=measured)).text
    assert "Reading CT and FDG PET it reached macro-AUC 0.94 [0.91, 0.96] and accuracy 0.81, on 160 cases." in text
    assert "it reached" not in page_of(a_prediction()).text
