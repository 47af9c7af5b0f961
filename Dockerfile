# The image of the workflow's jobs where no environment is shared, as on Kubernetes.
#
#     docker build -t sfm-gt .
FROM python:3.11.14-slim-bookworm

# Libraries that the wheels of OpenCV and pycolmap load.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 libgomp1 \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/sfm-gt
COPY . .
# The CPU build of torch; from PyPI it comes with 2 GB of CUDA.
RUN pip install --no-cache-dir -c constraints.txt --extra-index-url https://download.pytorch.org/whl/cpu . \
    && useradd --create-home --uid 1000 worker

USER 1000
WORKDIR /home/worker
ENTRYPOINT ["sfm-gt"]
