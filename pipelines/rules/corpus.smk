# Which clips the corpus has: input functions of the rules.

import json


def clip_ids(wildcards):
    """All clips of the corpus; known only after shot detection."""
    with open(checkpoints.clip_list.get().output[0]) as file:
        return [clip["clip_id"] for clip in json.load(file)["clips"]]


def for_each_clip(pattern):
    """Input function: `pattern` for every clip of the corpus."""
    return lambda wildcards: expand(pattern, clip=clip_ids(wildcards))
