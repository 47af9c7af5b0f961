# Data set and depth models -> predictions -> tables -> report.
# Needs:  OUT/dataset/
# Gives:  OUT/predictions/, OUT/evaluation/, OUT/report/


rule predict:
    input:
        f"{OUT}/dataset/clips/{{clip}}/manifest.json",
        # The index changes with every clip that joins; a clip's own layers decide.
        ancient(f"{OUT}/dataset/index.parquet"),
    output:
        f"{OUT}/predictions/{{model}}/{{clip}}/manifest.json",
    log:
        f"{OUT}/logs/predict/{{model}}/{{clip}}.log",
    benchmark:
        f"{OUT}/logs/predict/{{model}}/{{clip}}.tsv"
    params:
        config=RUN.config_path,
        version=RUN.version("predict"),
        options=lambda wildcards: RUN.model_options(wildcards.model),
    shell:
        "sfm-gt predict --config {params.config:q} --model {wildcards.model} --clip {wildcards.clip} 2>&1 | tee {log:q}"


rule evaluate:
    input:
        f"{OUT}/dataset/index.parquet",
        lambda wildcards: expand(
            f"{OUT}/predictions/{{model}}/{{clip}}/manifest.json",
            model=RUN.model_names,
            clip=clip_ids(wildcards),
        ),
        RUN.protocol_files,
    output:
        f"{OUT}/evaluation/frames.parquet",
        f"{OUT}/evaluation/table.csv",
        f"{OUT}/evaluation/table.md",
        f"{OUT}/evaluation/table.tex",
        f"{OUT}/evaluation/tables.html",
        f"{OUT}/evaluation/summary.json",
    log:
        f"{OUT}/logs/evaluate.log",
    benchmark:
        f"{OUT}/logs/evaluate.tsv"
    threads: 2
    params:
        config=RUN.config_path,
        version=RUN.version("evaluate"),
        options=RUN.options("evaluate"),
        protocols=RUN.protocol_state,
        provenance=RUN.options("provenance"),
        seed=RUN.seed,
    shell:
        "sfm-gt evaluate --config {params.config:q} --cores {threads} 2>&1 | tee {log:q}"


rule report:
    input:
        f"{OUT}/evaluation/summary.json",
    output:
        f"{OUT}/report/index.html",
    log:
        f"{OUT}/logs/report.log",
    benchmark:
        f"{OUT}/logs/report.tsv"
    params:
        config=RUN.config_path,
        version=RUN.version("report"),
        options=RUN.options("report"),
    shell:
        "sfm-gt report --config {params.config:q} 2>&1 | tee {log:q}"
