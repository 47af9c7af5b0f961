# A folder of videos -> metric depth ground truth, tables of depth models, a report.
#
#     snakemake --cores all --config videos=DIR out=OUT
#
# Rules live in pipelines/rules, one file a step; every shell line can be pasted into a terminal.

from sfm_gt.workflow.run_plan import keep_going, prepare

# Validates the configuration before the DAG exists and leaves the effective one in the output folder.
RUN = prepare(workflow, config)
OUT = RUN.out


onstart:
    keep_going(workflow)


wildcard_constraints:
    video="[A-Za-z0-9_-]+",
    clip="[A-Za-z0-9_-]+",
    model="[A-Za-z0-9._-]+",


include: "pipelines/rules/corpus.smk"
include: "pipelines/rules/clips.smk"
include: "pipelines/rules/reconstruct.smk"
include: "pipelines/rules/scale.smk"
include: "pipelines/rules/dataset.smk"
include: "pipelines/rules/evaluate.smk"


localrules:
    all,


rule all:
    default_target: True
    input:
        f"{OUT}/report/index.html",
        f"{OUT}/summary.txt",
