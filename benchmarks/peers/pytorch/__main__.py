"""One workload under one setting: prints a line of JSON with the keys of benchmarks/run steps."""

import time

IMPORTING = time.time()

import argparse
import json
import platform
import re
import statistics
import sys

import torch

from . import generator, safetensors, training
from .timing import Timing
from .workloads import WORKLOADS


def arguments():
    parser = argparse.ArgumentParser(prog="python3 -m pytorch", description=__doc__)
    parser.add_argument("workload", choices=WORKLOADS)
    parser.add_argument("--setting", default="eager", help="see training.py; --list names them")
    parser.add_argument("--list", action="store_true", help="print the settings of the workload, one a line, and end")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--precision", choices=("fp32", "tf32", "bf16"), default="fp32")
    parser.add_argument("--threads", type=int, help="of the cpu")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--size", type=int)
    parser.add_argument("--losses", type=int, default=100, help="first losses to write down")
    parser.add_argument("--seconds", type=float, default=2, help="measure so long for each figure; 0 for losses only")
    parser.add_argument("--warmup", type=float, default=3, help="run so long before")
    parser.add_argument("--weights", help="initial values, a safetensors file")
    parser.add_argument("--json", help="add the line to this file too")
    parser.add_argument("--started", type=float, default=IMPORTING, help="when the process was started, in seconds since 1970")
    return parser.parse_args()


def high_water():
    try:
        with open("/proc/self/status") as status:
            return int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1]) * 1024
    except (OSError, TypeError):
        return None


def kernels(step, device):
    """Of one step on a GPU; None where the profiler cannot tell."""
    if device.type != "cuda":
        return None
    try:
        from torch.profiler import ProfilerActivity, profile

        with profile(activities=[ProfilerActivity.CUDA]) as trace:
            step()
            torch.cuda.synchronize()
        return sum(event.device_type == torch.autograd.DeviceType.CUDA for event in trace.events()) or None
    except Exception as e:  # the figures are worth more than this number
        print(f"kernels were not counted: {e}", file=sys.stderr)
        return None


def chip(device):
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} threads"


def main():
    options = arguments()
    generator.check()
    device = torch.device(options.device)
    workload = WORKLOADS[options.workload].with_sizes(options.batch, options.size)
    if options.list:
        print("\n".join(training.settings(workload, device.type)))
        return
    if options.threads:
        torch.set_num_threads(options.threads)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    weights = safetensors.read(options.weights) if options.weights else None
    step = training.Training(workload, options.setting, device, options.precision, weights)
    row = {
        "framework": "pytorch", "workload": workload.name, "device": str(device), "chip": chip(device),
        "precision": options.precision, "setting": options.setting, "batch": workload.batch, "size": workload.size,
        "parameters": sum(p.numel() for p in step.model.parameters()),
    }

    losses = [step().item()]
    row["first_step_seconds"] = time.time() - options.started
    losses += [step().item() for _ in range(options.losses - 1)]
    row["losses"] = losses

    if options.seconds > 0:
        timing = Timing(torch.cuda.synchronize if device.type == "cuda" else lambda: None, options.seconds, options.warmup)
        all = timing.milliseconds(step)
        row["step_ms"] = statistics.median(all)
        row["repetitions_ms"] = all
        row["host_ms"] = timing.host_milliseconds(step)
        row["items_per_second"] = workload.items / row["step_ms"] * 1e3
        row["step_with_upload_ms"] = statistics.median(timing.milliseconds(step.with_upload))
        if device.type == "cuda":
            row["device_bytes"] = torch.cuda.max_memory_reserved()
            row["device_bytes_in_use"] = torch.cuda.max_memory_allocated()
        row["calls"] = kernels(step, device)
    row["process_peak_bytes"] = high_water()
    row["versions"] = {"torch": torch.__version__, "cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version(),
                       "python": platform.python_version()}
    line = json.dumps(row)
    print(line)
    if options.json:
        with open(options.json, "a") as file:
            file.write(line + "\n")


main()
