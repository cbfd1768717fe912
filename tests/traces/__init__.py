"""Traces of real models, and safetensors files: what needs the extra `trace`."""
