"""Arms and metrics as verdicts call them; what is not here is called by its own name."""

from reproof.vocabulary import OUTCOMES, SPLITS

ARMS = {
    "ticket": "tickets",
    "reinitialise": "freshly initialised tickets",
    "shuffle_mask": "random masks of the same size",
    "reshuffle_initial": "tickets with their initial weights reshuffled",
    "prune_at_init": "networks pruned at initialisation",
    "restarted": "copies whose schedule starts anew",
    "other_start": "networks of other initialisations",
    "fgsm_trained": "networks trained on FGSM examples",
    "pgd_trained": "networks trained on PGD examples",
    "pgd_trained_nearer": "networks trained on nearer PGD examples",
    "pools_trained": "networks trained on pools of examples",
}
METRICS = {
    "early_stop_step": "early-stopping step",
    "untrained_best_test_accuracy": "best test accuracy over the ladder",
    "untrained_constant_best_test_accuracy": "best test accuracy over the ladder",
    "supermask_test_accuracy": "test accuracy",
    "frozen_test_accuracy_at_early_stop": "test accuracy at early stop",
    "test_accuracy_on_examples_of_natural": "accuracy on examples made for natural networks",
    "test_accuracy_on_examples_for_natural": "accuracy of natural networks on the examples made",
    "units_purity": "purity of the images that excite units",
    "directions_purity": "purity of the images that excite random directions",
    "units_compactness": "compactness of the images that excite units",
    "directions_compactness": "compactness of the images that excite random directions",
    "purity_difference": "purity of units less that of random directions",
    "compactness_difference": "compactness of units less that of random directions",
    "purity_p_value": "p of units being as pure as random directions",
    "compactness_p_value": "p of units being as compact as random directions",
    "lipschitz_bound": "upper Lipschitz bound",
    "lipschitz_product": "product of upper Lipschitz bounds",
}
SETS = {"test": "", "validation": " (validation set)", "train": " (training set)"}
ATTACKED = {  # after the name of the split
    "images_attacked": "number of images attacked",
    "clean_accuracy": "accuracy without attack",
    "clean_error": "error without attack",
    "accuracy_under_attack": "accuracy under attack",
    "attack_success_share": "success of the attack",
    "confidence_of_mistakes": "confidence of mistakes",
    "attack_distance": "L2 distance of the examples",
    "attack_queries": "number of queries",
    "success_within_queries": "success of the attack",
    "minimum_distortion": "least distortion",
    "distorted_share": "share of images that can be distorted",
    "noise_error": "error with noise",
    "transfer_error": "error on the examples made",
    "transfer_clean_error": "error on the images that examples were made of",
    "transfer_noise_error": "error with noise as large as the examples'",
    "transfer_amplified_error": "error on the examples made, amplified",
    "transfer_excess_error": "error on the examples made beyond that with noise",
}
ATTACKED |= {f"unbounded_{one}": f"{ATTACKED[one]} without a bound" for one in OUTCOMES}
METRICS |= {f"{split}_{metric}": words + SETS[split] for split in SPLITS for metric, words in ATTACKED.items()}
