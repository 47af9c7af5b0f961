"""Stand-ins for packages that see many views, which no registry has or whose requirements exclude ours.

Each has the signatures and output formats that its authors publish, and a real torch module inside, whose depth is the mean of
the channels of what it is given, times a stored scale. That the real packages keep these formats is not tested with them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sfm_gt.models.shared.settings import ModelConfig

SCALE = 3.0
NETWORK = """
import os

import torch
from safetensors.torch import load_file


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(()))

    @classmethod
    def from_pretrained(cls, folder, local_files_only=False, **others):
        model = cls()
        model.load_state_dict(load_file(os.path.join(folder, "model.safetensors")))
        return model


def poses(n, rows):
    # Camera n stands n units to the right of the first.
    found = torch.eye(4).repeat(n, 1, 1)
    found[:, 0, 3] = -torch.arange(n).float()
    return found[:, :rows]


def intrinsics(n, height, width):
    k = torch.tensor([[0.8 * width, 0, width / 2], [0, 1.1 * height, height / 2], [0, 0, 1.0]])
    return k.repeat(n, 1, 1)
"""
SOURCES = {
    "views_network": NETWORK,
    # depth_anything_3/specs.py: N, H, W; extrinsics N, 3, 4; H and W of the processed images.
    "depth_anything_3/api": """
from types import SimpleNamespace

import numpy as np
import torch
from views_network import Network, intrinsics, poses


class DepthAnything3(Network):
    def inference(self, image, extrinsics=None, intrinsics_=None, process_res=504):
        half = np.stack([each[::2, ::2].mean(axis=-1) for each in image]) * self.scale.item()
        n, height, width = half.shape
        return SimpleNamespace(depth=half, is_metric=0, conf=half + 1, extrinsics=poses(n, 3).numpy(),
                               intrinsics=intrinsics(n, height, width).numpy(), sky=None)
""",
    # VGGT's README: depth B, S, H, W, 1; depth_conf B, S, H, W; extrinsic B, S, 3, 4, camera from world.
    "vggt/models/vggt": """
from views_network import Network


class VGGT(Network):
    def forward(self, images):
        depth = images.mean(dim=1)[None, ..., None] * self.scale
        return {"pose_enc": images.new_zeros(1, len(images), 9), "depth": depth, "depth_conf": 1 + depth[..., 0]}
""",
    "vggt/utils/pose_enc": """
from views_network import intrinsics, poses


def pose_encoding_to_extri_intri(pose_encoding, image_size_hw):
    n = pose_encoding.shape[1]
    return poses(n, 3)[None], intrinsics(n, *image_size_hw)[None]
""",
    # Pi3: local_points B, N, H, W, 3; conf B, N, H, W, 1; camera_poses B, N, 4, 4, world from camera.
    "pi3/models/pi3": """
import torch
from views_network import Network, intrinsics, poses


class Pi3(Network):
    def forward(self, imgs):
        (n, _, height, width), z = imgs.shape[1:], imgs[0].mean(dim=1) * self.scale
        k = intrinsics(1, height, width)[0]
        v, u = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
        x, y = (u - width / 2) / k[0, 0], (v - height / 2) / k[0, 0]
        points = torch.stack([x * z, y * z, z], dim=-1)
        return {"points": points[None], "local_points": points[None], "conf": z[None, ..., None],
                "camera_poses": torch.linalg.inv(poses(n, 4))[None]}
""",
    # CUT3R's demo.py: a dictionary for each view in, one out; camera_pose B, 7, world from camera: translation and quaternion.
    "dust3r/model": """
from types import SimpleNamespace

import torch
from views_network import Network, intrinsics


class ARCroco3DStereo(Network):
    @classmethod
    def from_pretrained(cls, path):
        model = cls()
        model.load_state_dict(torch.load(path, weights_only=True))
        return model

    def forward(self, views):
        ress = []
        for n, view in enumerate(views):
            assert view["idx"] == n and view["img_mask"].item() and view["update"].item() and not view["ray_mask"].item()
            height, width = view["true_shape"][0].tolist()
            assert view["img"].shape == (1, 3, height, width) and view["ray_map"].shape == (1, 6, height, width)
            z, k = (view["img"][0] + 1).mean(dim=0) / 2 * self.scale, intrinsics(1, height, width)[0]
            v, u = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
            x, y = (u - width / 2) / k[0, 0], (v - height / 2) / k[0, 0]
            ress.append({"pts3d_in_self_view": torch.stack([x * z, y * z, z], dim=-1)[None], "conf_self": z[None] + 1,
                         "camera_pose": torch.tensor([[float(n), 0, 0, 0, 0, 0, 1]])})
        return SimpleNamespace(ress=ress, views=views)
""",
    "dust3r/utils/camera": """
import torch


def pose_encoding_to_camera(pose_encoding, pose_encoding_type="absT_quaR"):
    found = torch.eye(4).repeat(len(pose_encoding), 1, 1)
    found[:, :3, 3] = pose_encoding[:, :3]
    return found
""",
    # MapAnything's README: a dictionary for each view; camera_poses B, 4, 4, world from camera.
    "mapanything/models/__init__": """
import torch
from views_network import Network, intrinsics, poses

MEAN, STD = torch.tensor([0.485, 0.456, 0.406])[:, None, None], torch.tensor([0.229, 0.224, 0.225])[:, None, None]


class MapAnything(Network):
    def infer(self, views, use_amp=True, apply_mask=True, mask_edges=True):
        found = []
        for n, view in enumerate(views):
            assert view["data_norm_type"] == ["dinov2"]
            image = view["img"][0] * STD + MEAN
            depth = (image.mean(dim=0) * self.scale)[None, ..., None]
            found.append({"depth_z": depth, "mask": depth > 1e-6, "conf": depth[..., 0] + 1,
                          "intrinsics": intrinsics(1, *image.shape[1:]),
                          "camera_poses": torch.linalg.inv(poses(len(views), 4))[n][None]})
        return found
""",
    # The authors' run.py and video_depth.py: (N, H, W, 3) uint8 to (N, H, W).
    "video_depth_anything/video_depth": """
import torch


class VideoDepthAnything(torch.nn.Module):
    def __init__(self, encoder="vitl", features=256, out_channels=(256, 512, 1024, 1024), metric=False):
        super().__init__()
        self.pretrained = torch.nn.Module()
        width = {"vits": 384, "vitb": 768, "vitl": 1024}[encoder]
        self.pretrained.cls_token = torch.nn.Parameter(torch.zeros(1, 1, width))

    def infer_video_depth(self, frames, target_fps, input_size=518, device="cuda", fp32=False):
        assert device == "cpu" and fp32
        return frames.mean(axis=-1) + self.pretrained.cls_token.mean().item(), target_fps
""",
    # The authors' run.py: frames of 0..1 (N, H, W, 3) to frames[0] of the same shape.
    "depthcrafter/unet": """
from views_network import Network


class DiffusersUNetSpatioTemporalConditionModelDepthCrafter(Network):
    @classmethod
    def from_pretrained(cls, folder, local_files_only=False):
        return cls()
""",
    "depthcrafter/depth_crafter_ppl": """
from types import SimpleNamespace


class DepthCrafterPipeline:
    @classmethod
    def from_pretrained(cls, folder, unet=None, local_files_only=False):
        return cls()

    def __call__(self, video, height=576, width=1024, num_inference_steps=25, guidance_scale=1.0, window_size=110,
                 noise_aug_strength=0.02, decode_chunk_size=None, generator=None, latents=None, output_type="np",
                 callback_on_step_end=None, callback_on_step_end_tensor_inputs=("latents",), return_dict=True, overlap=25,
                 track_time=False):
        assert video.shape[1:3] == (height, width) and height % 64 == 0 and width % 64 == 0
        return SimpleNamespace(frames=[video * 5 - 2])
""",
}


@contextmanager
def importable_views(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """All of them can be imported inside."""
    for name, source in SOURCES.items():
        file = folder / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source)
    monkeypatch.syspath_prepend(folder)
    packages = {name.split("/")[0] for name in SOURCES}
    yield
    for name in [name for name in sys.modules if name.split(".")[0] in packages]:
        del sys.modules[name]


def depth_anything_3(folder: Path, name: str = "da3-large") -> ModelConfig:
    """A folder as the model's repository has it."""
    (folder / "config.json").write_text(json.dumps({"model_name": name}))
    return _folder(folder, "depth_anything_3")


def pi3(folder: Path) -> ModelConfig:
    """The same for Pi3."""
    return _folder(folder, "pi3")


def map_anything(folder: Path) -> ModelConfig:
    """The same for MapAnything."""
    return _folder(folder, "map_anything")


def cut3r(folder: Path) -> ModelConfig:
    """A checkpoint of CUT3R."""
    import torch

    torch.save({"scale": torch.tensor(SCALE)}, folder / "cut3r.pth")
    return ModelConfig(name="mine", method="cut3r", path=str(folder / "cut3r.pth"))


def vggt(folder: Path) -> ModelConfig:
    """A checkpoint of VGGT."""
    import torch

    torch.save({"scale": torch.tensor(SCALE)}, folder / "model.pt")
    return ModelConfig(name="mine", method="vggt", path=str(folder / "model.pt"))


def video_depth_anything(folder: Path, name: str = "video_depth_anything_vits.pth", width: int = 384) -> ModelConfig:
    """A checkpoint of Video Depth Anything."""
    import torch

    torch.save({"pretrained.cls_token": torch.full((1, 1, width), 2.0)}, folder / name)
    return ModelConfig(name="mine", method="video_depth_anything", path=str(folder / name))


def depthcrafter(folder: Path) -> ModelConfig:
    """The two folders of DepthCrafter."""
    for part in ("unet", "pretrained"):
        (folder / part).mkdir(parents=True)
    (folder / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(b"weights")
    return ModelConfig(name="mine", method="depthcrafter", path=str(folder))


def _folder(folder: Path, method: str) -> ModelConfig:
    import torch
    from safetensors.torch import save_file

    save_file({"scale": torch.tensor(SCALE)}, folder / "model.safetensors")
    return ModelConfig(name="mine", method=method, path=str(folder))
