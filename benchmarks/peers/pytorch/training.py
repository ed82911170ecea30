"""A training step under one of PyTorch's settings."""

import torch

from . import workloads

# How a step is run, and on images also how they lie in memory. Optimizers are fused in all.
#   eager            operation by operation
#   compile          forward, loss and backward by torch.compile
#   reduce-overhead  the same in CUDA graphs of its own
#   graph            the whole step, update included, as one CUDA graph
#   graph+compile    that of the compiled step
MODES = {"cuda": ("graph+compile", "graph", "compile", "reduce-overhead", "eager"), "cpu": ("compile", "eager")}
CHANNELS_LAST = "+channels-last"
WARM_BEFORE_CAPTURE = 3


def settings(workload, kind):
    """All that may be the best for a workload on a kind of device, the most promising first."""
    layouts = (CHANNELS_LAST, "") if workload.images else ("",)
    return [mode + layout for layout in layouts for mode in MODES[kind]]


class Training:
    """Calling it trains one step on x and y, and gives the loss, which the next step may overwrite."""

    def __init__(self, workload, setting, device, precision, weights):
        mode = setting.removesuffix(CHANNELS_LAST)
        if mode not in MODES[device.type] or setting != mode and not workload.images:
            raise SystemExit(f"{setting} is no setting of {workload.name} on {device.type}; "
                             f"there are {', '.join(settings(workload, device.type))}")
        reduced = precision != "fp32"
        torch.set_float32_matmul_precision("high" if reduced else "highest")
        torch.backends.cudnn.allow_tf32 = reduced
        torch.backends.cudnn.benchmark = True
        self.device = device
        self.model = workload.model().to(device)
        if weights is not None:
            load(self.model, weights)
        self.host = workload.data()
        form = torch.contiguous_format
        if setting.endswith(CHANNELS_LAST):
            form = torch.channels_last
            self.model = self.model.to(memory_format=form)
            self.host = self.host[0].contiguous(memory_format=form), self.host[1]
        if device.type == "cuda":
            self.host = tuple(h.pin_memory() for h in self.host)
        self.x, self.y = (h.to(device, copy=True) for h in self.host)

        self.bf16 = precision == "bf16"
        self.marks = mode == "reduce-overhead"
        self.captures = mode.startswith("graph")
        self.optimizer = workload.optimizer(
            self.model.parameters(), fused=True, **({"capturable": True} if self.captures and workload.adaptive else {}))
        self.forward = self.loss_of
        if mode in ("compile", "graph+compile"):
            self.forward = torch.compile(self.loss_of, dynamic=False)
        elif mode == "reduce-overhead":
            self.forward = torch.compile(self.loss_of, dynamic=False, mode=mode)
        self.runs = 0
        self.graph = self.loss = None

    def loss_of(self, x, y):
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            return workloads.cross_entropy(self.model(x), y)

    def step(self):
        if self.marks:
            torch.compiler.cudagraph_mark_step_begin()
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.forward(self.x, self.y)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def __call__(self):
        if not self.captures:
            return self.step()
        if self.graph is None:
            return self.before_replay()
        self.graph.replay()
        return self.loss

    def before_replay(self):
        """First steps on a side stream, as capture wants them, then one that is captured and replayed."""
        if self.runs < WARM_BEFORE_CAPTURE:
            self.runs += 1
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                loss = self.step()
            torch.cuda.current_stream().wait_stream(side)
            return loss
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.loss = self.step()
        self.graph = graph
        return self()

    def with_upload(self):
        """A step on data that come from the host, from pinned memory where that is faster."""
        self.x.copy_(self.host[0], non_blocking=True)
        self.y.copy_(self.host[1], non_blocking=True)
        return self()


def load(model, weights):
    """Tandem does not count batches; nothing in training reads that count."""
    missing, unexpected = model.load_state_dict(weights, strict=False)
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing or unexpected:
        raise SystemExit(f"the weights do not fit: missing {missing[:8]}, unknown {unexpected[:8]}")
