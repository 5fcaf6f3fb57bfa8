"""config/config.yaml, checked before Snakemake reads it: its reader takes the last of two equal keys and runs templates."""

import sys
from pathlib import Path

sys.path.insert(0, workflow.basedir)

from reproof.experiments.configuration import check_config_file
from reproof.experiments.strict_yaml import read_yaml
from reproof.provenance.snakemake_internals import list_config_files
from reproof.storage.files import ReproofError

try:
    (check_config_file if workflow.is_main_process else read_yaml)(Path("config/config.yaml"))
    for further in list_config_files(workflow):
        read_yaml(further)
except ReproofError as error:
    sys.exit(f"error: {error}")


configfile: "config/config.yaml"
