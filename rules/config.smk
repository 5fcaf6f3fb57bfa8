"""config/config.yaml, checked before Snakemake reads it: its reader takes the last of two equal keys and runs templates."""

import sys
from pathlib import Path

sys.path.insert(0, workflow.basedir)

from reproof.experiments.configuration import check_config_file
from reproof.experiments.strict_yaml import read_yaml
from reproof.storage.files import ReproofError

try:
    check_config_file(Path("config/config.yaml"))
    for further in workflow.overwrite_configfiles or ():  # --configfile
        read_yaml(Path(further))
except ReproofError as error:
    sys.exit(f"error: {error}")


configfile: "config/config.yaml"
