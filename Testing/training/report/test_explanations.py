from training.evaluation.bootstrap import Resampling
from training.report.explaining import CHANCE, MAPS, NODES, explain, explanation_table
from training.report.explanation_measures import AttentionMap, random_map
from training.report.explanations import COLUMNS, read_explanations

FEW = Resampling(resamples=50)


def test_the_file_of_cases_gives_the_table_again(noise, tmp_path):
    nothing = AttentionMap(lambda network, batch, classes: 0 * random_map(network, batch, classes))
    maps = {NODES: MAPS[NODES], "Nothing, which has no order of regions": nothing}
    found = explain({"One, with a comma": noise, "Two": noise}, maps=maps, cases=7)
    assert any(line.endswith(",") for line in found.csv().splitlines())
    path = tmp_path / "by_case.csv"
    path.write_text(found.csv(), encoding="utf-8")
    read = read_explanations(path)
    assert explanation_table(read, settings=FEW).rows == explanation_table(found, settings=FEW).rows
    assert read.csv() == found.csv()


def test_it_has_a_line_for_each_network_map_and_case(noise):
    head, *lines = explain({"One": noise}, maps={CHANCE: MAPS[CHANCE]}, cases=3).csv().splitlines()
    assert head == ",".join(COLUMNS)
    assert [line.split(",")[:2] for line in lines] == [["One", CHANCE]] * 3
    assert {line.split(",")[2] for line in lines} < set(noise.names)
    assert all(-1 <= float(line.split(",")[-1]) <= 1 for line in lines)
