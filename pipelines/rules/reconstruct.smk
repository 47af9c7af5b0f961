# Frames -> camera, poses and sparse points -> dense depth -> moving regions and valid depth, all in SfM units.
# Needs:  OUT/work/clips/<clip>/frames/
# Gives:  OUT/work/clips/<clip>/{sfm,dense,moving,clean}/


rule sfm:
    input:
        f"{OUT}/work/clips/{{clip}}/frames/manifest.json",
    output:
        f"{OUT}/work/clips/{{clip}}/sfm/manifest.json",
    log:
        f"{OUT}/logs/sfm/{{clip}}.log",
    benchmark:
        f"{OUT}/logs/sfm/{{clip}}.tsv"
    threads: workflow.cores
    params:
        config=RUN.config_path,
        version=RUN.version("sfm"),
        options=RUN.options("sfm"),
        seed=RUN.seed,
        camera=lambda wildcards: RUN.sidecar_section(wildcards.clip, "camera")
        + RUN.sidecar_import(RUN.video_of(wildcards.clip)),
    shell:
        # COLMAP reports every image; all of it goes to the log, the console gets our own lines.
        "sfm-gt sfm --config {params.config:q} --clip {wildcards.clip} --cores {threads} 2>&1"
        " | tee {log:q} | sed '\\|^[IW][0-9]\\{{8\\}} |d'"


rule dense:
    input:
        f"{OUT}/work/clips/{{clip}}/sfm/manifest.json",
    output:
        f"{OUT}/work/clips/{{clip}}/dense/manifest.json",
    log:
        f"{OUT}/logs/dense/{{clip}}.log",
    benchmark:
        f"{OUT}/logs/dense/{{clip}}.tsv"
    threads: workflow.cores
    params:
        config=RUN.config_path,
        version=RUN.version("dense"),
        options=RUN.options("dense"),
    shell:
        "sfm-gt dense --config {params.config:q} --clip {wildcards.clip} --cores {threads} 2>&1 | tee {log:q}"


rule moving:
    input:
        f"{OUT}/work/clips/{{clip}}/dense/manifest.json",
    output:
        f"{OUT}/work/clips/{{clip}}/moving/manifest.json",
    log:
        f"{OUT}/logs/moving/{{clip}}.log",
    benchmark:
        f"{OUT}/logs/moving/{{clip}}.tsv"
    threads: workflow.cores
    params:
        config=RUN.config_path,
        version=RUN.version("moving"),
        options=RUN.options("moving"),
    shell:
        "sfm-gt moving --config {params.config:q} --clip {wildcards.clip} --cores {threads} 2>&1 | tee {log:q}"


rule clean:
    input:
        f"{OUT}/work/clips/{{clip}}/dense/manifest.json",
    output:
        f"{OUT}/work/clips/{{clip}}/clean/manifest.json",
    log:
        f"{OUT}/logs/clean/{{clip}}.log",
    benchmark:
        f"{OUT}/logs/clean/{{clip}}.tsv"
    threads: workflow.cores
    params:
        config=RUN.config_path,
        version=RUN.version("clean"),
        options=RUN.options("clean"),
    shell:
        "sfm-gt clean --config {params.config:q} --clip {wildcards.clip} --cores {threads} 2>&1 | tee {log:q}"
