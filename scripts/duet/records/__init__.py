"""Every file that one command writes and another reads: where it lies, its dataclass, how it is checked.

layout     every path below results/
codec      dataclasses to JSON and back, checked
files      written whole or not at all, durable
plan       what a campaign asks for
provision  images and fetched files that are there
run        what measuring leaves
worklist   what the last call of the workflow was to measure, and what of it is left
"""
