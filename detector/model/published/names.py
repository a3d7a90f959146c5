"""The names that the published training scripts' files hold; no other one is read."""

from __future__ import annotations

import torch

TENSOR = "torch._utils._rebuild_tensor_v2"
PARAMETER = "torch._utils._rebuild_parameter"
ORDERED_DICT = "collections.OrderedDict"

STORAGES = {
    "torch.HalfStorage": torch.float16,
    "torch.BFloat16Storage": torch.bfloat16,
    "torch.FloatStorage": torch.float32,
    "torch.DoubleStorage": torch.float64,
    "torch.LongStorage": torch.int64,
    "torch.IntStorage": torch.int32,
    "torch.ShortStorage": torch.int16,
    "torch.CharStorage": torch.int8,
    "torch.ByteStorage": torch.uint8,
    "torch.BoolStorage": torch.bool,
}
"""The dtype of a storage of each class."""

_PLAIN = """
    __builtin__.set builtins.set _codecs.encode argparse.Namespace datetime.datetime
    pathlib.PosixPath pathlib.WindowsPath pathlib.Path
    pathlib._local.PosixPath pathlib._local.WindowsPath
    numpy.ndarray numpy.dtype
    numpy.core.multiarray._reconstruct numpy._core.multiarray._reconstruct
    numpy.core.multiarray.scalar numpy._core.multiarray.scalar
    torch.Size torch.device torch.float16 torch.float32
"""

_TORCH_NN = """
    activation.GELU activation.Hardswish activation.LeakyReLU activation.Mish
    activation.MultiheadAttention activation.ReLU activation.Sigmoid activation.SiLU
    activation.Softmax
    batchnorm.BatchNorm2d batchnorm.SyncBatchNorm
    container.ModuleList container.Sequential
    conv.Conv2d
    dropout.Dropout
    linear.Identity linear.Linear linear.NonDynamicallyQuantizableLinear
    linear._LinearWithBias
    normalization.LayerNorm
    pooling.AdaptiveAvgPool2d pooling.AdaptiveMaxPool2d pooling.MaxPool2d
    upsampling.Upsample
"""

_PUBLISHED = """
    common.Bottleneck common.C3 common.C3STR common.C3TR common.CBAM
    common.ChannelAttentionModule common.Concat common.Conv common.DropPath common.Focus
    common.Mlp common.SPP common.SPPF common.SpatialAttentionModule
    common.SwinTransformerBlock common.SwinTransformerLayer common.TransformerBlock
    common.TransformerLayer common.WindowAttention
    yolo.CLLA yolo.CLLABlock yolo.CLLADetect yolo.Detect yolo.DetectionModel yolo.Model
"""

ALLOWED = frozenset(
    [TENSOR, PARAMETER, ORDERED_DICT, *STORAGES, *_PLAIN.split()]
    + [f"torch.nn.modules.{name}" for name in _TORCH_NN.split()]
    + [f"models.{name}" for name in _PUBLISHED.split()]
)
