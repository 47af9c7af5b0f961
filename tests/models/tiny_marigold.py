"""A Marigold pipeline of diffusers' own classes, tiny and with random weights."""

from __future__ import annotations

import json
from pathlib import Path

from sfm_gt.models.shared.settings import ModelConfig


def write_tiny_marigold(folder: Path, prediction_type: str = "depth", shift_invariant: bool = True) -> ModelConfig:
    """Writes the folder of a pipeline with 30,000 weights; needs diffusers and transformers."""
    import torch
    from diffusers import AutoencoderKL, DDIMScheduler, MarigoldDepthPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        block_out_channels=(8, 16), layers_per_block=1, sample_size=8, in_channels=8, out_channels=4, norm_num_groups=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=8, attention_head_dim=2,
    )  # fmt: skip
    vae = AutoencoderKL(
        block_out_channels=(8, 8), in_channels=3, out_channels=3, latent_channels=4, norm_num_groups=4,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
    )  # fmt: skip
    words = ["<|startoftext|>", "<|endoftext|>", "a</w>", "a"]
    (folder / "words").mkdir(parents=True)
    (folder / "words" / "vocab.json").write_text(json.dumps({word: n for n, word in enumerate(words)}))
    (folder / "words" / "merges.txt").write_text("#version: 0.2\n")
    text = CLIPTextModel(
        CLIPTextConfig(hidden_size=8, intermediate_size=8, num_attention_heads=2, num_hidden_layers=1, vocab_size=4,
                       bos_token_id=0, eos_token_id=1, pad_token_id=1, max_position_embeddings=77)
    )  # fmt: skip
    MarigoldDepthPipeline(
        unet, vae, DDIMScheduler(prediction_type="v_prediction"), text,
        CLIPTokenizer(str(folder / "words" / "vocab.json"), str(folder / "words" / "merges.txt"), model_max_length=77),
        prediction_type=prediction_type, scale_invariant=True, shift_invariant=shift_invariant,
        default_denoising_steps=1, default_processing_resolution=32,
    ).save_pretrained(folder / "marigold")  # fmt: skip
    return ModelConfig(name="mine", method="marigold", path=str(folder / "marigold"))
