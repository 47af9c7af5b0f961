# Depth, masks and scale -> the published data set.
# Needs:  OUT/work/clips/<clip>/{sfm,dense,moving,clean,scale}/
# Gives:  OUT/dataset/, OUT/summary.txt


rule dataset:
    input:
        f"{OUT}/work/clips/{{clip}}/moving/manifest.json",
        f"{OUT}/work/clips/{{clip}}/clean/manifest.json",
        f"{OUT}/work/clips/{{clip}}/scale/manifest.json",
    output:
        f"{OUT}/dataset/clips/{{clip}}/manifest.json",
    log:
        f"{OUT}/logs/dataset/{{clip}}.log",
    benchmark:
        f"{OUT}/logs/dataset/{{clip}}.tsv"
    params:
        config=RUN.config_path,
        version=RUN.version("dataset"),
        options=RUN.options("dataset"),
        provenance=lambda wildcards: RUN.sidecar_provenance(wildcards.clip),
    shell:
        "sfm-gt dataset --config {params.config:q} --clip {wildcards.clip} 2>&1 | tee {log:q}"


rule index:
    input:
        f"{OUT}/work/clips.json",
        for_each_clip(f"{OUT}/dataset/clips/{{clip}}/manifest.json"),
    output:
        f"{OUT}/dataset/index.parquet",
        f"{OUT}/dataset/dataset.json",
        f"{OUT}/dataset/sources.json",
    log:
        f"{OUT}/logs/index.log",
    benchmark:
        f"{OUT}/logs/index.tsv"
    params:
        config=RUN.config_path,
        version=RUN.version("index"),
    shell:
        "sfm-gt index --config {params.config:q} 2>&1 | tee {log:q}"


# Fails, after everything else is written, when the whole run produced nothing.
rule summary:
    input:
        f"{OUT}/dataset/dataset.json",
        f"{OUT}/report/index.html",
    output:
        f"{OUT}/summary.txt",
    log:
        f"{OUT}/logs/summary.log",
    benchmark:
        f"{OUT}/logs/summary.tsv"
    params:
        config=RUN.config_path,
        version=RUN.version("summary"),
    shell:
        "sfm-gt summary --config {params.config:q} 2>&1 | tee {log:q} {output:q}"
