#!/usr/bin/env python3
"""What the corpora of all targets reach, by module: a table of lines and regions.

    fuzz/coverage.py [--llvm DIR] [CORPORA...]

CORPORA are folders with a folder for each target, fuzz/corpus by default. DIR has llvm-profdata and
llvm-cov, of the toolchain's component llvm-tools by default.
"""

import argparse
import json
import subprocess
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def output(*command):
    run = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return run.stdout


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--llvm", type=Path)
    parser.add_argument("corpora", nargs="*", type=Path, default=[ROOT / "fuzz/corpus"])
    arguments = parser.parse_args()
    version = output("rustc", "--version", "--verbose")
    host = next(line.split()[1] for line in version.splitlines() if line.startswith("host: "))
    llvm = arguments.llvm or Path(output("rustc", "--print", "sysroot").strip()) / "lib/rustlib" / host / "bin"
    targets = output("cargo", "fuzz", "list").split()
    for target in targets:
        corpora = [str(corpus.resolve() / target) for corpus in arguments.corpora]
        command = ["cargo", "fuzz", "coverage", "-O", "-s", "none", "--llvm-path", str(llvm), target]
        log = ROOT / f"fuzz/coverage/{target}.log"
        log.parent.mkdir(exist_ok=True)
        with log.open("w") as file:
            subprocess.run(command + corpora, cwd=ROOT, check=True, stdout=file, stderr=file)
    profile = ROOT / "fuzz/coverage/all.profdata"
    profiles = [str(ROOT / f"fuzz/coverage/{target}/coverage.profdata") for target in targets]
    output(str(llvm / "llvm-profdata"), "merge", "-sparse", *profiles, "-o", str(profile))
    built = json.loads(output("cargo", "metadata", "--format-version=1", "--no-deps"))["target_directory"]
    programs = [str(Path(built) / host / "coverage" / host / "release" / target) for target in targets]
    objects = [argument for program in programs[1:] for argument in ("-object", program)]
    report = output(
        str(llvm / "llvm-cov"), "export", "-summary-only", f"-instr-profile={profile}", programs[0], *objects
    )
    print_table(json.loads(report)["data"][0]["files"])


def print_table(files):
    modules = defaultdict(lambda: [0, 0, 0, 0])
    for file in files:
        path = Path(file["filename"])
        if not path.is_relative_to(ROOT / "src"):
            continue
        name = path.relative_to(ROOT / "src").parts[0].removesuffix(".rs")
        summary = file["summary"]
        counts = [summary[what][which] for what in ("lines", "regions") for which in ("covered", "count")]
        for sums in (modules[name], modules["all"]):
            sums[:] = [old + new for old, new in zip(sums, counts)]
    everything = modules.pop("all")
    print("| module | lines | reached | regions | reached |")
    print("|---|---|---|---|---|")
    for name, (lines, of_lines, regions, of_regions) in [*sorted(modules.items()), ("all", everything)]:
        shares = [f"{100 * lines / of_lines:.0f} %", f"{100 * regions / of_regions:.0f} %"]
        print(f"| `{name}` | {of_lines} | {shares[0]} | {of_regions} | {shares[1]} |")


main()
