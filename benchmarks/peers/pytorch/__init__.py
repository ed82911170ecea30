"""The workloads of benchmarks/run steps in PyTorch, under every setting that makes PyTorch fast.

    cd benchmarks/peers && python3 -m pytorch WORKLOAD [options]

Needs PyTorch 2.6 or later and nothing else.
"""
