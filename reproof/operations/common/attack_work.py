"""The work of attacks, for planning. Needs no torch."""

from reproof.declarations.costs import PASSES, Settings, Work

PLACES = 28 * 28  # pixels of a digit


def compute_attack_work(settings: Settings) -> Work:
    """Return an upper bound of the passes of all attacks at all their distances."""
    options = settings["options"]
    common = options.get("epsilons", [])
    passes = sum(count_passes(one) * max(1, len(one.get("epsilons", common))) for one in options["attacks"].values())
    return Work(passes=passes * int(options.get("examples", 1000)) * len(settings["seeds"]))


def count_passes(options: Settings) -> int:
    """Return the most forward passes of an attack on one image; a backward pass counts as two."""
    name = options["attack"]
    if name in ("one_pixel", "random_pixel"):
        return int(options.get("population", 400)) * (int(options.get("generations", 100)) + 1)
    if name in ("nes", "spsa", "square", "hop_skip_jump"):
        return int(options.get("queries", 10_000))
    if name == "every_pixel":
        return PLACES * len(options.get("values", range(3)))
    steps = int(options.get("steps", 40)) * int(options.get("restarts", 1)) if name == "pgd" else 1
    if name == "carlini_wagner":
        steps = int(options.get("steps", 10_000)) * int(options.get("searches", 9))
    if name in ("apgd", "fab", "autoattack"):
        return _count_ensemble_passes(name, options)
    return PASSES * steps


def _count_ensemble_passes(name: str, options: Settings) -> int:
    """Return the most forward passes of AutoAttack on one image, or of its parts with gradients."""
    once, every = int(options.get("steps", 100)), int(options.get("targets", 9))
    climb = PASSES * once * int(options.get("restarts", 1))
    # A step of FAB takes a gradient, a query, and projections that cost as much as a pass of a small network.
    boundary = (PASSES + 2) * once * every
    if name == "apgd":
        return climb * every if options.get("loss") == "targeted_dlr" else climb
    if name == "fab":
        return boundary
    return climb * (1 + every) + boundary + int(options.get("queries", 5000))
