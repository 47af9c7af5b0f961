# One depth model on the clips of one video.
# Needs:  OUT/dataset/clips/<video>/, OUT/videos/<video>/
# Gives:  OUT/predictions/<model>/<video>/


rule predict:
    input:
        f"{OUT}/dataset/clips/{{video}}",
        f"{OUT}/videos/{{video}}",
    output:
        directory(f"{OUT}/predictions/{{model}}/{{video}}"),
    log:
        f"{OUT}/logs/predict/{{model}}/{{video}}.log",
    benchmark:
        f"{OUT}/logs/predict/{{model}}/{{video}}.tsv"
    conda:
        "../envs/sfm_gt.yaml"
    params:
        config=RUN.config_path,
    shell:
        "sfm-gt predict --config {params.config:q} --model {wildcards.model} --video {wildcards.video} > {log:q} 2>&1"
