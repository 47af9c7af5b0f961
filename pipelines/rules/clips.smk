# Videos -> probed videos -> clips (shots) -> decoded frames.
# Needs:  the folder of videos.
# Gives:  OUT/work/clips.json, OUT/work/clips/<clip>/frames/


rule ingest:
    input:
        lambda wildcards: RUN.video_input(wildcards.video),
    output:
        f"{OUT}/work/videos/{{video}}/ingest.json",
    log:
        f"{OUT}/logs/ingest/{{video}}.log",
    benchmark:
        f"{OUT}/logs/ingest/{{video}}.tsv"
    params:
        config=RUN.config_path,
        version=RUN.version("ingest"),
        # Of a file whose name cannot stand as an input.
        video=lambda wildcards: RUN.video_state(wildcards.video),
        min_short_side_px=RUN.setting("frames", "min_short_side_px"),
        sidecar=lambda wildcards: RUN.sidecar_error(wildcards.video)
        + RUN.sidecar_import(wildcards.video),
        salt=RUN.setting("provenance", "salt_file"),
    shell:
        "sfm-gt ingest --config {params.config:q} --video {wildcards.video} 2>&1 | tee {log:q}"


rule clips:
    input:
        f"{OUT}/work/videos/{{video}}/ingest.json",
    output:
        f"{OUT}/work/videos/{{video}}/clips.json",
    log:
        f"{OUT}/logs/clips/{{video}}.log",
    benchmark:
        f"{OUT}/logs/clips/{{video}}.tsv"
    params:
        config=RUN.config_path,
        version=RUN.version("clips"),
        options=RUN.options("clips"),
    shell:
        "sfm-gt clips --config {params.config:q} --video {wildcards.video} 2>&1 | tee {log:q}"


checkpoint clip_list:
    input:
        expand(f"{OUT}/work/videos/{{video}}/clips.json", video=RUN.video_ids),
    output:
        f"{OUT}/work/clips.json",
    log:
        f"{OUT}/logs/clip_list.log",
    benchmark:
        f"{OUT}/logs/clip_list.tsv"
    params:
        config=RUN.config_path,
        version=RUN.version("clip_list"),
    shell:
        "sfm-gt clip-list --config {params.config:q} 2>&1 | tee {log:q}"


rule frames:
    input:
        # The list of all clips changes with every video that joins; a clip's own video decides.
        ancient(f"{OUT}/work/clips.json"),
        lambda wildcards: f"{OUT}/work/videos/{RUN.video_of(wildcards.clip)}/clips.json",
    output:
        f"{OUT}/work/clips/{{clip}}/frames/manifest.json",
    log:
        f"{OUT}/logs/frames/{{clip}}.log",
    benchmark:
        f"{OUT}/logs/frames/{{clip}}.tsv"
    params:
        config=RUN.config_path,
        version=RUN.version("frames"),
        options=RUN.options("frames"),
    shell:
        "sfm-gt frames --config {params.config:q} --clip {wildcards.clip} 2>&1 | tee {log:q}"
