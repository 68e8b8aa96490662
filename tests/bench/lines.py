# SPDX-License-Identifier: MIT
"""JSON lines to convert: real ones from SEGLOG_CORPUS, or made-up ones."""
import json
import os
import pathlib
import random
import subprocess

WORDS = """the file was read and then a small change went into its parser so that
every test passes again while we keep what users rely on""".split()


def is_clean(path):
    """Whether jq takes all of it; it stops at the first fault."""
    return subprocess.run(["jq", "-c", ".", str(path)], check=False,
                          stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode == 0


def corpus_texts(folder):
    for path in sorted(pathlib.Path(folder).rglob("*.jsonl")):
        if "edge-cases" in path.parts or not is_clean(path):
            continue
        text = path.read_bytes()
        if text:
            yield text if text.endswith(b"\n") else text + b"\n"


def made_up_texts(size):
    chance = random.Random(20)
    made = 0
    while made < size:
        words = chance.choices(WORDS, k=int(chance.lognormvariate(3.5, 1)))
        line = {
            "type": chance.choice(("user", "assistant", "tool_result")),
            "uuid": "%032x" % chance.getrandbits(128),
            "timestamp": "2026-01-%02dT%02d:%02d:%02d.%03dZ" % (
                chance.randint(1, 28), chance.randint(0, 23),
                chance.randint(0, 59), chance.randint(0, 59),
                chance.randint(0, 999)),
            "message": {"role": "assistant", "content": [
                {"type": "text", "text": " ".join(words) + "\n\"ok\" \u2713"}]},
            "usage": {"input": chance.randint(1, 99999),
                      "cost": chance.random()},
        }
        text = json.dumps(line, ensure_ascii=False,
                          separators=(",", ":")).encode() + b"\n"
        made += len(text)
        yield text


def input_lines(path, size):
    """Write about size bytes of lines to path, the same ones each time."""
    folder = os.environ.get("SEGLOG_CORPUS")
    texts = list(corpus_texts(folder)) if folder else []
    if not texts:
        texts = list(made_up_texts(min(size, 4 << 20)))
    whole = b"".join(texts)
    while len(whole) < size:
        whole += whole
    # A large corpus file may reach far over the size: cut behind a line.
    path.write_bytes(whole[:whole.rindex(b"\n", 0, size) + 1])
    return path
