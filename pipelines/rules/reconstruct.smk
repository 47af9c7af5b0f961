# One video, from film to the published data set of its clips and a verdict.
# Needs:  the video, its sidecar and the files that this names.
# Gives:  OUT/dataset/clips/<video>/, OUT/videos/<video>/


rule reconstruct:
    input:
        # Content decides what is made again (sfm_gt/workflow/staleness.py), not time stamps.
        lambda wildcards: [ancient(path) for path in RUN.inputs(wildcards.video)],
    output:
        dataset=directory(f"{OUT}/dataset/clips/{{video}}"),
        verdict=directory(f"{OUT}/videos/{{video}}"),
    log:
        f"{OUT}/logs/reconstruct/{{video}}.log",
    benchmark:
        f"{OUT}/logs/reconstruct/{{video}}.tsv"
    conda:
        "../envs/sfm_gt.yaml"
    # More threads help a clip little; other clips run beside it.
    threads: 4
    params:
        config=RUN.config_path,
        keep="--keep-files" if workflow.storage_settings.notemp else "",
    shell:
        "sfm-gt reconstruct --config {params.config:q} --video {wildcards.video} --cores {threads} {params.keep}"
        " > {log:q} 2>&1"
