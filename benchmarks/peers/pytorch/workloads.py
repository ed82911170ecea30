"""Models, data, losses and optimizers: those of dev.tandem.benchmarks.workload, under the same names and with the same state."""

from dataclasses import dataclass, replace
from typing import Callable

import torch
import torch.nn.functional as F
from torch import nn

from . import generator

INPUTS, LABELS = 1, 2
SYMBOLS = 96


def mlp():
    return nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10))


def cnn():
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Linear(128, 10))


class CharacterLstm(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.embedding = nn.Embedding(SYMBOLS, 64)
        self.lstm = nn.LSTM(64, hidden, batch_first=True)
        self.output = nn.Linear(hidden, SYMBOLS)

    def forward(self, symbols):
        return self.output(self.lstm(self.embedding(symbols))[0])


class SelfAttention(nn.Module):
    """With the names of nn.MultiheadAttention, through PyTorch's fused attention."""

    def __init__(self, features, heads):
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * features, features))
        self.in_proj_bias = nn.Parameter(torch.empty(3 * features))
        self.out_proj = nn.Linear(features, features)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.in_proj_bias)

    def forward(self, x):
        n, t, e = x.shape
        parts = F.linear(x, self.in_proj_weight, self.in_proj_bias).view(n, t, 3, self.heads, e // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out_proj(y.transpose(1, 2).reshape(n, t, e))


class EncoderLayer(nn.Module):
    """With the names of nn.TransformerEncoderLayer, whose normalisation comes first."""

    def __init__(self, features, heads, feed_forward):
        super().__init__()
        self.self_attn = SelfAttention(features, heads)
        self.linear1 = nn.Linear(features, feed_forward)
        self.linear2 = nn.Linear(feed_forward, features)
        self.norm1 = nn.LayerNorm(features)
        self.norm2 = nn.LayerNorm(features)

    def forward(self, x):
        x = x + self.self_attn(self.norm1(x))
        return x + self.linear2(F.gelu(self.linear1(self.norm2(x))))


class Encoder(nn.Module):
    def __init__(self, layers, features, heads, feed_forward):
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(features, heads, feed_forward) for _ in range(layers))
        self.norm = nn.LayerNorm(features)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return self.norm(x)


class Positions(nn.Module):
    def __init__(self, positions, features):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(positions, features).normal_(std=0.02))

    def forward(self, x):
        return x + self.weight[: x.shape[1]]


class CausalTransformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(SYMBOLS, 384)
        self.position = Positions(256, 384)
        self.encoder = Encoder(6, 384, 6, 1536)
        self.output = nn.Linear(384, SYMBOLS)

    def forward(self, symbols):
        return self.output(self.encoder(self.position(self.embedding(symbols))))


class ResidualBlock(nn.Module):
    """Of two 3x3 convolutions, or with a bottleneck of 1x1, 3x3 and 1x1; names as in torchvision."""

    def __init__(self, bottleneck, inputs, width, stride):
        super().__init__()
        if bottleneck:
            outputs, plan = 4 * width, [(inputs, width, 1, 1), (width, width, 3, stride), (width, 4 * width, 1, 1)]
        else:
            outputs, plan = width, [(inputs, width, 3, stride), (width, width, 3, 1)]
        self.depth = len(plan)
        for number, (i, o, kernel, step) in enumerate(plan, 1):
            setattr(self, f"conv{number}", nn.Conv2d(i, o, kernel, step, kernel // 2, bias=False))
            setattr(self, f"bn{number}", nn.BatchNorm2d(o))
        self.downsample = None
        if stride > 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = x
        for number in range(1, self.depth + 1):
            y = getattr(self, f"bn{number}")(getattr(self, f"conv{number}")(y))
            if number < self.depth:
                y = F.relu(y, inplace=True)
        return F.relu(y + (x if self.downsample is None else self.downsample(x)), inplace=True)


class ResNet(nn.Module):
    def __init__(self, depth, imagenet):
        super().__init__()
        bottleneck, blocks = {18: (False, (2, 2, 2, 2)), 50: (True, (3, 4, 6, 3))}[depth]
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False) if imagenet else nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, 1) if imagenet else nn.Identity()
        inputs = width = 64
        for stage, count in enumerate(blocks, 1):
            layer = []
            for i in range(count):
                layer.append(ResidualBlock(bottleneck, inputs, width, 2 if i == 0 and stage > 1 else 1))
                inputs = width * (4 if bottleneck else 1)
            setattr(self, f"layer{stage}", nn.Sequential(*layer))
            width *= 2
        self.fc = nn.Linear(inputs, 1000 if imagenet else 10)

    def forward(self, images):
        x = self.maxpool(F.relu(self.bn1(self.conv1(images)), inplace=True))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


def sgd(parameters, **how):
    return torch.optim.SGD(parameters, lr=0.01, **how)


def momentum(parameters, **how):
    return torch.optim.SGD(parameters, lr=1e-3, momentum=0.9, **how)


def adam(parameters, **how):
    return torch.optim.Adam(parameters, lr=1e-3, **how)


def adamw(parameters, **how):
    return torch.optim.AdamW(parameters, lr=3e-4, weight_decay=0.01, **how)


@dataclass(frozen=True)
class Workload:
    name: str
    model: Callable
    optimizer: Callable
    batch: int
    size: int
    # Labels are of so many classes.
    classes: int
    # Of one sample, from its size; None for a sequence of symbols.
    image: Callable | None

    @property
    def adaptive(self):
        """Whether the optimizer counts its steps."""
        return self.optimizer in (adam, adamw)

    @property
    def images(self):
        """Whether samples have channels, rows and columns."""
        return self.image is not None and len(self.image(self.size)) == 3

    def data(self):
        if self.image is None:
            return (generator.integers(INPUTS, SYMBOLS, self.batch, self.size),
                    generator.integers(LABELS, SYMBOLS, self.batch, self.size))
        return generator.floats(INPUTS, self.batch, *self.image(self.size)), generator.integers(LABELS, self.classes, self.batch)

    @property
    def items(self):
        return self.batch * (self.size if self.image is None else 1)

    def with_sizes(self, batch, size):
        return replace(self, batch=batch or self.batch, size=size or self.size)


def resnet(name, depth, imagenet, size):
    return Workload(name, lambda: ResNet(depth, imagenet), momentum, 128, size, 1000 if imagenet else 10, lambda s: (3, s, s))


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("mlp128", mlp, adam, 128, 28, 10, lambda s: (784,)),
        Workload("mlp8192", mlp, adam, 8192, 28, 10, lambda s: (784,)),
        Workload("cnn", cnn, sgd, 64, 28, 10, lambda s: (1, s, s)),
        Workload("lstm", lambda: CharacterLstm(256), adam, 32, 64, SYMBOLS, None),
        Workload("lstm1024", lambda: CharacterLstm(1024), adam, 256, 64, SYMBOLS, None),
        resnet("resnet18-32", 18, False, 32),
        resnet("resnet18-224", 18, True, 224),
        resnet("resnet50-32", 50, False, 32),
        resnet("resnet50-224", 50, True, 224),
        Workload("transformer", CausalTransformer, adamw, 64, 256, SYMBOLS, None),
    )
}


def cross_entropy(logits, labels):
    """Mean over all labels; logits [N, C] or [N, T, C], labels [N] or [N, T]."""
    return F.cross_entropy(logits.flatten(0, -2), labels.flatten())
