# Sparse model and sidecar -> metres per SfM unit, or metric: false. Rescaling costs minutes: depth stays in SfM units.
# Needs:  OUT/work/clips/<clip>/sfm/, the video's sidecar; OUT/work/clips/<clip>/clean/ for cues that look at dense depth
# Gives:  OUT/work/clips/<clip>/scale/


rule scale:
    input:
        f"{OUT}/work/clips/{{clip}}/sfm/manifest.json",
        f"{OUT}/work/clips/{{clip}}/clean/manifest.json"
        if RUN.scale_needs_depth
        else [],
    output:
        f"{OUT}/work/clips/{{clip}}/scale/manifest.json",
    log:
        f"{OUT}/logs/scale/{{clip}}.log",
    benchmark:
        f"{OUT}/logs/scale/{{clip}}.tsv"
    params:
        config=RUN.config_path,
        version=RUN.version("scale"),
        options=RUN.options("scale"),
        evidence=lambda wildcards: RUN.sidecar_section(wildcards.clip, "scale"),
    shell:
        "sfm-gt scale --config {params.config:q} --clip {wildcards.clip} 2>&1 | tee {log:q}"
