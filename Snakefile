# A folder of videos -> metric depth ground truth, tables of depth models, a report.
#
#     snakemake --cores all --config videos=DIR out=OUT
#
# Rules live in pipelines/rules, one file a step; every shell line can be pasted into a terminal.

from sfm_gt.workflow.run_plan import prepare

# Validates the configuration before the DAG exists, and finds what has to be made again.
RUN = prepare(workflow, config)
OUT = RUN.out


onstart:
    RUN.start()


onsuccess:
    RUN.end()


onerror:
    RUN.end()


wildcard_constraints:
    video="[A-Za-z0-9_-]+",
    model="[A-Za-z0-9._-]+",


include: "pipelines/rules/reconstruct.smk"
include: "pipelines/rules/predict.smk"
include: "pipelines/rules/collect.smk"


localrules:
    all,


rule all:
    default_target: True
    input:
        f"{OUT}/report",
        f"{OUT}/summary.txt",
