"""What a plan lists of its results as a whole: records for the guard; figures, records and costs for the page."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from reproof.configuration import Paper
from reproof.guard import Expected
from reproof.paths import RESULTS, benchmark, data_record, unscaled
from reproof.places import shown
from reproof.plan import Plan
from reproof.provenance import canonical
from reproof.yaml_files import Tree


def records(plan: Plan) -> Iterator[Expected]:
    """Yield what the record of every result of the plan has to say."""
    yield Expected(f"{RESULTS}/figures/all.record.json", page_settings(plan), plan.code("build_gallery"))
    for dataset in {run.dataset.name for runs in plan.runs.values() for run in runs.values()}:
        yield from _fetched(plan, dataset)
    for paper in plan.papers:
        yield from upstream(plan, paper)
        tables = plan.tables(paper)
        yield Expected(f"{tables}/record.json", plan.collect_settings(paper), plan.code("collect"))
        yield Expected(f"{tables}/verdicts.json", plan.judge_settings(paper), plan.code("judge_claims"))
        for figure in plan.figures(paper):
            record = f"{plan.figure(paper, figure)}.record.json"
            yield Expected(record, plan.figure_settings(paper, figure), plan.code("draw_figure"))


def upstream(plan: Plan, paper: str) -> Iterator[Expected]:
    """Yield what the record has to say of everything that a paper's tables are made of."""
    for one in plan.trainings(paper):
        yield _trained(plan, one.folder)
    for one in plan.evaluations(paper):
        yield _measured(plan, one.folder)
    for mask in plan.collected_masks(paper):
        *_, run, _, level, _ = mask.split("/")
        settings = plan.prune_settings(run, int(level.removeprefix("level")))
        yield Expected(str(Path(mask).with_name("mask.json")), settings, plan.code("prune", run))
    for folder in {str(Path(table).parent) for table in plan.movements(paper)}:
        *_, run, seeds = folder.split("/")
        yield Expected(f"{folder}/record.json", plan.movement_settings(run, seeds), plan.code("measure_movement"))


def _fetched(plan: Plan, dataset: str) -> Iterator[Expected]:
    fetched = unscaled(dataset)
    yield Expected(data_record(fetched), plan.data_settings(fetched), plan.code("fetch_dataset", fetched))
    if dataset != fetched:
        yield Expected(data_record(dataset), plan.data_settings(fetched), plan.code("scale_pixels"))


def _trained(plan: Plan, folder: str) -> Expected:
    _, kind, run, seeds, *rest = folder.split("/")
    place = rest[0].removeprefix("levels").removeprefix("level") if rest else ""
    record = f"{folder}/record.json"
    if kind == "dense":
        return Expected(record, plan.dense_settings(run, seeds), plan.code("train_dense", run))
    if kind == "tickets":
        return Expected(record, plan.ticket_settings(run, seeds, int(place)), plan.code("retrain", run))
    return Expected(record, plan.control_settings(run, seeds, place), plan.code("train_control", run))


def _measured(plan: Plan, folder: str) -> Expected:
    _, _, run, seeds, levels = folder.split("/")
    settings = plan.evaluation_settings(run, seeds, levels.removeprefix("levels"))
    return Expected(f"{folder}/record.json", settings, plan.code("operation", run))


def page_settings(plan: Plan) -> str:
    """Return what the gallery says beside figures and verdicts, as one canonical line."""
    papers = [_page(plan, paper) for paper in plan.configuration.papers]
    scale = f"{plan.configuration.scale}: {plan.configuration.about}"
    return canonical({"scale": scale, "papers": papers, "benchmarks": _benchmarks(plan)})


def _page(plan: Plan, paper: Paper) -> Tree:
    settings = paper.settings
    figures = [
        {"stem": plan.figure(paper.name, name), "title": one["title"], "where": one["where"], "runs": shown(one)}
        for name, one in ((name, settings["figures"][name]) for name in plan.figures(paper.name))
    ]
    return {
        "name": paper.name,
        **settings["paper"],
        "figures": figures,
        "verdicts": f"{plan.tables(paper.name)}/verdicts.parquet",
        "runs": f"{plan.tables(paper.name)}/runs.json",
        "departures": plan.departures(paper.name),
    }


def _benchmarks(plan: Plan) -> dict[str, list[str]]:
    """Return the benchmark files of each rule: results/x/... is measured in benchmarks/x/....tsv."""
    trained = {"dense": "train_dense", "tickets": "retrain", "controls": "train_control"}
    files: dict[str, set[str]] = defaultdict(set)
    for paper in plan.papers:
        for one in plan.trainings(paper):
            files[trained[one.folder.split("/")[1]]].add(benchmark(one.folder))
        for one in plan.evaluations(paper):
            files[one.folder.split("/")[1]].add(benchmark(one.folder))
        for level in (Path(mask).parent for mask in plan.collected_masks(paper)):
            files["prune"].add(benchmark(str(level.with_name(level.name.replace("level", "prune")))))
        files["measure_movement"] |= {benchmark(str(Path(table).parent)) for table in plan.movements(paper)}
        for dataset in {run.dataset.name for run in plan.runs[paper].values()}:
            files["fetch_dataset"].add(benchmark(str(Path(data_record(unscaled(dataset))).parent)))
            if dataset != unscaled(dataset):
                files["scale_pixels"].add(benchmark(str(Path(data_record(dataset)).parent)))
        for rule in ("collect", "judge_claims"):
            files[rule].add(benchmark(f"{plan.tables(paper)}/{rule}"))
    files["draw_figure"] = {benchmark(stem) for stem in plan.figure_stems()}
    return {rule: sorted(paths) for rule, paths in files.items()}
