# All videos and predictions -> the data set's index, tables, report; then what the run produced, and whether all is current.
# Needs:  OUT/videos/, OUT/dataset/clips/, OUT/predictions/
# Gives:  OUT/clips.json, OUT/dataset/index.parquet, OUT/evaluation/, OUT/report/, OUT/summary.txt


rule collect:
    input:
        lambda wildcards: expand(f"{OUT}/videos/{{video}}", video=RUN.video_ids),
        lambda wildcards: expand(f"{OUT}/dataset/clips/{{video}}", video=RUN.video_ids),
        lambda wildcards: expand(
            f"{OUT}/predictions/{{model}}/{{video}}",
            model=RUN.model_names,
            video=RUN.video_ids,
        ),
        RUN.protocol_files,
    output:
        f"{OUT}/clips.json",
        f"{OUT}/dataset/index.parquet",
        f"{OUT}/dataset/dataset.json",
        f"{OUT}/dataset/sources.json",
        report(
            directory(f"{OUT}/evaluation"),
            patterns=["{name}.html", "{name}.svg"],
            caption="../captions/evaluation.rst",
            category="Evaluation",
            labels={"shows": "{name}"},
        ),
        report(
            directory(f"{OUT}/report"),
            htmlindex="index.html",
            caption="../captions/report.rst",
            category="Videos and clips",
            labels={"shows": "every clip"},
        ),
        f"{OUT}/collected.json",
    log:
        f"{OUT}/logs/collect.log",
    benchmark:
        f"{OUT}/logs/collect.tsv"
    conda:
        "../envs/sfm_gt.yaml"
    threads: 4
    params:
        config=RUN.config_path,
    shell:
        "sfm-gt collect --config {params.config:q} --cores {threads} > {log:q} 2>&1"


# Fails, after everything else is written, when something failed, is not current, or nothing at all came out.
rule summary:
    input:
        lambda wildcards: expand(f"{OUT}/videos/{{video}}", video=RUN.video_ids),
        f"{OUT}/clips.json",
        f"{OUT}/dataset/dataset.json",
        f"{OUT}/collected.json",
    output:
        report(
            f"{OUT}/summary.txt",
            caption="../captions/summary.rst",
            category="Videos and clips",
            labels={"shows": "every video, in lines"},
        ),
    log:
        f"{OUT}/logs/summary.log",
    benchmark:
        f"{OUT}/logs/summary.tsv"
    # What it finds, it finds again.
    retries: 0
    conda:
        "../envs/sfm_gt.yaml"
    params:
        config=RUN.config_path,
    shell:
        "sfm-gt summary --config {params.config:q} 2>&1 | tee {log:q} > {output:q}"
